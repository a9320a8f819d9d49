// What every browser test stands on: a real server with its data in a scratch folder, and the
// Chromium that `make test` found. Both are stopped by their close().

import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Start Chromium. `make test` names the program in INDENT_TEST_CHROMIUM; there is no other choice. */
export async function launchBrowser() {
  const executablePath = process.env.INDENT_TEST_CHROMIUM;
  if (!executablePath) {
    throw new Error("INDENT_TEST_CHROMIUM does not name Chromium: run `make test STAGES=browser`");
  }
  // Chromium's sandbox refuses to work for root, who runs CI; the pages are our own
  const args = process.getuid() === 0 ? ["--no-sandbox"] : [];
  return chromium.launch({ executablePath, args });
}

/**
 * Start `bin/indent dev` on a free port.
 * Gives what it says of itself as JSON (url, …), `asker` and `reviewer` (the INDENT_… settings of
 * the two identities), and close().
 */
export async function startServer() {
  const folder = mkdtempSync(join(tmpdir(), "indent-browser-"));
  const args = ["dev", "--addr", "127.0.0.1:0", "--data-dir", folder, "--json"];
  const server = spawn(join(root, "bin/indent"), args, { cwd: folder });
  const ended = new Promise((resolve) => server.once("close", resolve));
  try {
    const told = JSON.parse(await firstLine(server));
    const [asker, reviewer] = ["dev.env", "reviewer.env"].map((f) => readEnv(join(folder, f)));
    const close = async () => {
      server.kill("SIGTERM");
      await ended;
      rmSync(folder, { recursive: true, force: true });
    };
    return { ...told, asker, reviewer, close };
  } catch (error) {
    server.kill("SIGKILL");
    throw error;
  }
}

/** The first line of the server's answer; an error with what it said instead when it ends before. */
function firstLine(server) {
  return new Promise((resolve, reject) => {
    let out = "";
    let said = "";
    server.stdout.on("data", (chunk) => {
      out += chunk;
      if (out.includes("\n")) resolve(out.slice(0, out.indexOf("\n")));
    });
    server.stderr.on("data", (chunk) => (said += chunk));
    server.once("error", (error) => reject(new Error(`${error.message}; build it: make build`)));
    server.once("close", (code) => reject(new Error(`bin/indent dev ended with ${code}: ${said}`)));
  });
}

function readEnv(file) {
  const lines = readFileSync(file, "utf8").split("\n").filter((line) => /^\w+=/.test(line));
  return Object.fromEntries(lines.map((line) => [line.split("=", 1)[0], unquote(line)]));
}

function unquote(line) {
  return line.slice(line.indexOf("=") + 1).replace(/^(["'])(.*)\1$/, "$2");
}
