// The whole way with the keyboard alone, and the focus always to be seen.

import assert from "node:assert/strict";
import test from "node:test";
import { owner, reviewer, startConsole } from "./console.mjs";

const console = startConsole();

/** Press Tab until the focus is on `what`, as a person would; each stop must show its focus. */
async function tabTo(page, what) {
  for (let stops = 0; stops < 60; stops += 1) {
    await page.keyboard.press("Tab");
    const here = await page.evaluate(() => {
      const element = document.activeElement;
      const style = getComputedStyle(element);
      const after = getComputedStyle(element, "::after");
      const label = element.labels?.[0]?.textContent ?? "";
      return {
        name: `${label} ${element.textContent}`.replace(/\s+/g, " ").trim(),
        tag: element.tagName,
        seen: style.outlineStyle !== "none" || after.outlineStyle !== "none",
      };
    });
    if (here.tag === "BODY") continue;
    assert.ok(here.seen, `the focus on "${here.name}" cannot be seen`);
    if (what.test(here.name)) return here;
  }
  assert.fail(`Tab never comes to ${what}`);
}

test("sign in, open the petition that waits, choose a time, approve", async () => {
  const { name, resources } = await console.ask();
  const page = await console.visit();
  await page.goto(await console.server.signInLinkOf(reviewer));
  await tabTo(page, /^Sign in as/);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Inbox" }).waitFor();
  await tabTo(page, new RegExp(`^${resources[0].displayName.replace(/[()]/g, "\\$&")}$`));
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: resources[0].displayName }).waitFor();
  await tabTo(page, /^Reason/);
  await page.keyboard.type("by keyboard");
  await tabTo(page, /^Approve for/);
  await page.keyboard.press("ArrowDown");
  await tabTo(page, /^Approve$/);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Granted" }).waitFor();
  const { state } = await console.petition(name);
  assert.equal(state.decision.reason, "by keyboard");
});

test("Enter in a field decides nothing", async () => {
  const { name, path } = await console.ask();
  const page = await console.visit(reviewer);
  await page.goto(path);
  await page.getByLabel("Approve for").focus();
  await page.keyboard.press("Enter");
  await page.keyboard.press("Escape");
  await page.getByLabel("Reason").focus();
  await page.keyboard.press("Enter");
  await page.evaluate(() => {
    const field = document.createElement("input");
    field.id = "extra";
    document.querySelector("form.decide").append(field);
    field.focus();
  });
  await page.keyboard.press("Enter");
  await page.waitForLoadState();
  assert.equal((await console.petition(name)).state.status.phase, "open");
});

test("the first stop skips to the content", async () => {
  const page = await console.visit(owner);
  await page.goto("/api-keys");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id), "main");
  await tabTo(page, /^Create token$/);
});
