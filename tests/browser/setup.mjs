// What every browser test stands on: a real server with its data in a scratch folder, and the
// Chromium that `make test` found. Both are stopped by their close().

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
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
 * the two identities), signInLinkOf(address), admin(…words), write(sql, …values) for what only time
 * would bring about, and close().
 * With `named` it is known as localhost: browsers have no passkeys for a number.
 */
export async function startServer({ named = false } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "indent-browser-"));
  const addr = named ? `localhost:${await freePort()}` : "127.0.0.1:0";
  const args = ["dev", "--addr", addr, "--data-dir", folder, "--json"];
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
    const admin = (...words) => operate(folder, told.url, words);
    const write = (sql, ...values) => writeRow(folder, sql, values);
    return { ...told, asker, reviewer, signInLinkOf, admin, write, close };
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
  return operate(folder, url, ["link", "--space", "acmecorp", "--email", who]);
}

/** What `indent admin` prints. */
async function operate(folder, url, words) {
  const where = ["--database", join(folder, "indent.db"), "--base-url", url];
  return run(folder, ["admin", ...words, ...where]);
}

/** Writes beside the server, which keeps its data in SQLite; Node has no driver of its own before 22. */
async function writeRow(folder, sql, values) {
  const script =
    "import json, sqlite3, sys\nwith sqlite3.connect(sys.argv[1], timeout=20) as db: db.execute(sys.argv[2], json.loads(sys.argv[3]))";
  await promisify(execFile)("python3", ["-c", script, join(folder, "indent.db"), sql, JSON.stringify(values)]);
}

/** A port that is free now: a server that is known by a name must be told one. */
async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
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
