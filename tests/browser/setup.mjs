// What every browser test stands on: a real server with its data in a scratch folder, and the
// Chromium that `make test` found. Both are stopped by their close().

import { execFile, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { chromium } from "playwright-core";

const root = fileURLToPath(new URL("../..", import.meta.url));
export const program = process.env.INDENT_TEST_BINARY || join(root, "bin/indent");

/** Start Chromium: the program that INDENT_TEST_CHROMIUM names (`make test` does), else Debian's. */
export async function launchBrowser() {
  const executablePath = process.env.INDENT_TEST_CHROMIUM || "/usr/bin/chromium";
  if (!existsSync(executablePath)) {
    throw new Error(`${executablePath} is not there: run \`make test STAGES=browser\``);
  }
  const args = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ];
  // Chromium's sandbox refuses to work for root, who runs CI; the pages are our own
  if (process.getuid() === 0) args.push("--no-sandbox");
  return chromium.launch({ executablePath, args });
}

/**
 * Start `bin/indent dev` on a free port.
 * Gives what it says of itself as JSON (url, …), `asker` and `reviewer` (the INDENT_… settings of
 * the two identities), signInLinkOf(address) and close().
 */
export async function startServer() {
  const folder = mkdtempSync(join(tmpdir(), "indent-browser-"));
  const args = ["dev", "--addr", "127.0.0.1:0", "--data-dir", folder, "--json"];
  const server = spawn(program, args, { cwd: folder });
  const ended = new Promise((resolve) => server.once("close", resolve));
  try {
    const told = JSON.parse(await firstLine(server));
    const [asker, reviewer] = ["dev.env", "reviewer.env"].map((f) => readEnv(join(folder, f)));
    const close = async () => {
      server.kill("SIGTERM");
      await ended;
      rmSync(folder, { recursive: true, force: true });
    };
    const signInLinkOf = (who) => signInLink(folder, told.url, who);
    return { ...told, asker, reviewer, signInLinkOf, close };
  } catch (error) {
    server.kill("SIGKILL");
    throw error;
  }
}

/** What a command of the server says. */
export async function run(folder, args) {
  const { stdout } = await promisify(execFile)(program, args, { cwd: folder });
  return stdout.trim();
}

/** A fresh one-time sign-in link for a member, as the server's operator makes it. */
async function signInLink(folder, url, who) {
  const where = ["--database", join(folder, "indent.db"), "--base-url", url];
  const args = ["admin", "link", "--space", "acmecorp", "--email", who, ...where];
  return run(folder, args);
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
