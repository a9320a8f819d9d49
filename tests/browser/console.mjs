// A console with people in it: what the stories begin with and do again and again.

import assert from "node:assert/strict";
import { after, before } from "node:test";
import { launchBrowser, startServer } from "./setup.mjs";

/** The people of `indent dev`. */
export const owner = "you@acmecorp.example";
export const reviewer = "reviewer@acmecorp.example";

/**
 * One server and one browser for all tests of a file. Call it at the file's top level; what it
 * gives works inside the tests. `options` are those of startServer.
 */
export function startConsole(options = {}) {
  const console = new Console(options);
  before(() => console.open(), { timeout: 60_000 });
  after(() => console.close());
  return console;
}

/** The same for a script that is no test. */
export async function visitAlone(visit) {
  const console = new Console();
  try {
    await console.open();
    await visit(console);
  } finally {
    await console.close();
  }
}

class Console {
  #sessions = new Map();
  violations = [];

  constructor(options = {}) {
    this.options = options;
  }

  async open() {
    this.server = await startServer(this.options);
    this.browser = await launchBrowser();
    this.url = this.server.url;
  }

  async close() {
    await this.browser?.close();
    await this.server?.close();
    assert.deepEqual(this.violations, [], "the console told of problems");
  }

  /**
   * A page of a new visitor, signed in as `who` unless it is missing. `options` are Playwright's
   * for a context: viewport, colorScheme, javaScriptEnabled …
   */
  async visit(who, options = {}) {
    const storageState = who && (await this.#session(who));
    const context = await this.browser.newContext({ baseURL: this.url, storageState, ...options });
    context.setDefaultTimeout(30_000); // a machine that builds beside it is slow
    const page = await context.newPage();
    page.on("console", (message) => this.#listen(page, message.text()));
    page.on("pageerror", (error) => this.violations.push(`${page.url()}: ${error}`));
    page.on("dialog", (dialog) => {
      this.violations.push(`${page.url()}: a dialog says ${dialog.message()}`);
      dialog.dismiss();
    });
    return page;
  }

  #listen(page, text) {
    if (/Content Security Policy|Refused to/.test(text)) this.violations.push(`${page.url()}: ${text}`);
  }

  /** A link works once, so a person signs in once and the session is lent to every visit. */
  async #session(who) {
    if (!this.#sessions.has(who)) {
      const page = await this.visit();
      await page.goto(await this.server.signInLinkOf(who));
      await page.getByRole("button", { name: /^Sign in as/ }).click();
      await page.getByRole("heading", { name: "Inbox" }).waitFor();
      this.#sessions.set(who, await page.context().storageState());
      await page.context().close();
    }
    return this.#sessions.get(who);
  }

  /** What code does: asks by the API. Gives the petition, with the path of its page as `path`. */
  async ask(petition = {}) {
    const asked = { reason: "to recover account", resources: [resetPassword()], ...petition };
    const made = await this.call("POST", "/petitions", { petition: asked });
    return { ...made, path: `/access/${made.spaceName}/${made.name}` };
  }

  async petition(name) {
    return this.call("GET", `/petitions/${name}`);
  }

  /** What the owner does by the API. */
  async claim(name, event, reason = "") {
    return this.call("POST", `/petitions/${name}/claims`, { claim: { event, reason } }, this.server.reviewer);
  }

  async call(method, path, body, env = this.server.asker) {
    const answer = await fetch(`${this.url}/v1/spaces/${env.INDENT_SPACE}${path}`, {
      method,
      headers: { authorization: `Bearer ${env.INDENT_API_TOKEN}`, "content-type": "application/json" },
      body: body && JSON.stringify(body),
    });
    const text = await answer.text();
    assert.ok(answer.ok, `${method} ${path} answered ${answer.status}: ${text}`);
    return JSON.parse(text);
  }
}

let count = 0;

/** A resource that no other test has asked for. */
export function resetPassword() {
  count += 1;
  const id = `reset-password:${process.pid}-${count}`;
  return { kind: "action", id, displayName: `Reset Password (user:${process.pid}-${count})` };
}

/** Wait until `look` gives something true; fail with `what` when it does not. */
export async function until(what, look, seconds = 30) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const seen = await look();
    if (seen) return seen;
    assert.ok(Date.now() < end, `not within ${seconds} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
