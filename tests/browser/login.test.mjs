// A program on a terminal is let in by a person in a browser, both for real: `bin/indent login` with a code, and
// through the browser that it opens; then it works.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { owner, startConsole, until } from "./console.mjs";
import { look } from "./look.mjs";

const console = startConsole();
const program = process.env.INDENT_TEST_BINARY || fileURLToPath(new URL("../../bin/indent", import.meta.url));
let home;

before(() => (home = mkdtempSync(join(tmpdir(), "indent-login-"))));
after(() => rmSync(home, { recursive: true, force: true }));

/** Run the command line as a user with a home of their own; gives what it said so far, and its end. */
function indent(args, env = {}) {
  const child = spawn(program, args, { cwd: home, env: { PATH: process.env.PATH, HOME: home, XDG_CONFIG_HOME: join(home, "config"), ...env } });
  const run = { said: "", out: "" };
  child.stderr.on("data", (text) => (run.said += text));
  child.stdout.on("data", (text) => (run.out += text));
  run.stop = () => child.kill();
  run.end = new Promise((resolve) => child.once("close", resolve));
  runs.push(run);
  return run;
}

// a test that failed leaves none behind, which would keep the others from being run
const runs = [];
after(() => runs.forEach((run) => run.stop()));

async function works() {
  const who = indent(["whoami"]);
  assert.equal(await who.end, 0, who.said);
  assert.match(who.out, new RegExp(`^Member .*${owner}`));
  const list = indent(["petition", "list"]);
  assert.equal(await list.end, 0, list.said);
}

test("a code from another device: typed, compared, allowed", async () => {
  const login = indent(["login", "--server", console.url, "--device"]);
  const code = await until("a code is shown", () => login.said.match(/\n {4}([B-Z]{4}-[B-Z]{4})\n/)?.[1]);
  const page = await console.visit(owner);
  await page.goto("/device");
  await page.getByLabel("Code").fill("BBBB-BBBB");
  await page.getByRole("button", { name: "Go on" }).click();
  await page.getByRole("alert").waitFor();
  await page.getByLabel("Code").fill(code.toLowerCase());
  await page.getByRole("button", { name: "Go on" }).click();
  await page.getByRole("heading", { name: "Does it show this very code?" }).waitFor();
  const text = await page.textContent("main");
  for (const words of [code, "indent", "127.0.0.1", owner, "acmecorp", "all that you may as Owner"]) assert.ok(text.includes(words), words);
  await page.getByRole("button", { name: "Allow" }).click();
  await page.getByRole("heading", { name: "It is let in" }).waitFor();
  assert.equal(await login.end, 0, login.said);
  assert.match(login.said, /Signed in to acmecorp/);
  await works();
  const out = indent(["logout"]);
  assert.equal(await out.end, 0, out.said);
  assert.equal(await indent(["whoami"]).end, 4);
});

test("what was let in is seen and put out in the browser", async () => {
  const login = indent(["login", "--server", console.url, "--device"]);
  const code = await until("a code is shown", () => login.said.match(/\n {4}([B-Z]{4}-[B-Z]{4})\n/)?.[1]);
  const page = await console.visit(owner);
  await page.goto("/device");
  await page.getByLabel("Code").fill(code);
  await page.getByRole("button", { name: "Go on" }).click();
  await page.getByRole("button", { name: "Allow" }).click();
  assert.equal(await login.end, 0, login.said);
  await page.getByRole("link", { name: "your account" }).click();
  await page.getByRole("heading", { name: "Programs that act as you" }).waitFor();
  await look(page, "account-programs");
  await page.getByRole("button", { name: /^End indent on/ }).click();
  await page.locator("[data-told]", { hasText: "nothing acts as you by it" }).waitFor();
  assert.equal(await indent(["petition", "list"]).end, 4);
});

test("the address with the code only fills it in", async () => {
  const login = indent(["login", "--server", console.url, "--device"]);
  const address = await until("an address is shown", () => login.said.match(/(http\S+user_code=\S+)/)?.[1]);
  const page = await console.visit(owner);
  await page.goto(address);
  assert.equal(await page.getByRole("button", { name: "Allow" }).count(), 0, "opening a link lets nothing in");
  await page.getByRole("button", { name: "Go on" }).click();
  await page.getByRole("button", { name: "Refuse" }).click();
  await page.getByRole("heading", { name: "It is not let in" }).waitFor();
  assert.equal(await login.end, 4, login.said);
});

test("through the browser that it opens", async () => {
  const opened = join(home, "opened");
  const opener = join(home, "opener");
  writeFileSync(opener, `#!/bin/sh\nprintf %s "$1" >"${opened}"\n`);
  chmodSync(opener, 0o755);
  const login = indent(["login", "--server", console.url], { BROWSER: opener });
  await until("a page is opened", () => existsSync(opened) && readFileSync(opened, "utf8"));
  const page = await console.visit(owner);
  await page.goto(readFileSync(opened, "utf8"));
  await page.getByRole("heading", { name: "Let this program in?" }).waitFor();
  await page.getByRole("button", { name: "Allow" }).click();
  await page.getByText("You are signed in. Go back to the terminal").waitFor();
  assert.equal(await login.end, 0, login.said);
  await works();
});

test("who guesses codes is told to wait, and so is a right code then", async () => {
  const page = await console.visit(owner);
  await page.goto("/device");
  // the right code lies ready: on a slow machine the wait would be over before there is one
  const login = indent(["login", "--server", console.url, "--device"]);
  const code = await until("a code is shown", () => login.said.match(/\n {4}([B-Z]{4}-[B-Z]{4})\n/)?.[1]);
  const goOn = async (text) => {
    await page.getByLabel("Code").fill(text);
    const [answer] = await Promise.all([
      page.waitForResponse((response) => response.url().endsWith("/device") && response.request().method() === "POST"),
      page.getByRole("button", { name: "Go on" }).click(),
    ]);
    await page.getByRole("alert").waitFor();
    return answer;
  };
  let answer;
  let tries = 0;
  do {
    answer = await goOn(`BCDF-GH${"BCDFGHJKLM"[tries % 10]}${"BCDFGHJKLM"[Math.floor(tries / 10)]}`);
    tries += 1;
  } while (answer.status() !== 429 && tries < 50);
  assert.equal(answer.status(), 429, `after ${tries} wrong codes`);
  assert.ok(tries > 5, `a person may mistype: refused after ${tries}`);
  assert.ok(Number((await answer.allHeaders())["retry-after"]) > 0);
  assert.match(await page.getByRole("alert").textContent(), /again/);
  assert.equal((await goOn(code)).status(), 429);
  assert.equal(await page.getByRole("button", { name: "Allow" }).count(), 0);
  login.stop();
  await login.end;
});
