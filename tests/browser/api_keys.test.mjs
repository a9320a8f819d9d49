// The page that the quickstart sends people to.

import assert from "node:assert/strict";
import test from "node:test";
import { owner, startConsole } from "./console.mjs";

const console = startConsole();

test("the page says what the quickstart says, makes a token by its button, and copies it", async () => {
  const page = await console.visit(owner, { permissions: ["clipboard-read", "clipboard-write"] });
  await page.goto("/");
  await page.getByRole("link", { name: "API keys" }).click();
  const text = await page.textContent("main");
  for (const words of [
    "Current User",
    "Can take actions on your behalf",
    "Appears in audit log as you",
    "Indent Space",
    "Access Token",
    "Note: this token is short lived and will expire soon",
    "INDENT_SPACE=acmecorp",
    "INDENT_API_TOKEN=***",
    `INDENT_API_URL=${console.url}`,
  ]) {
    assert.ok(text.includes(words), words);
  }
  await page.getByRole("button", { name: "Create token" }).click();
  const [copyToken, copyLines] = await page.getByRole("button", { name: "Copy" }).all();
  assert.equal(await page.getByLabel("Access Token").isVisible(), false, "the token is masked");
  await copyToken.click();
  const token = await page.evaluate(() => navigator.clipboard.readText());
  assert.match(token, /^[\w-]+\.[\w-]+\.[\w-]+$/);
  await copyLines.click();
  assert.equal(
    await page.evaluate(() => navigator.clipboard.readText()),
    `INDENT_SPACE=acmecorp\nINDENT_API_TOKEN=${token}\nINDENT_API_URL=${console.url}\n`,
  );
  // it acts as the one who made it
  const env = { INDENT_SPACE: "acmecorp", INDENT_API_TOKEN: token };
  const made = await console.call("POST", "/petitions", { petition: { reason: "as you", resources: [{ kind: "action", id: "x" }] } }, env);
  assert.equal(made.petitioners[0].id, owner);
  // gone once one leaves the page
  await page.goto("/api-keys");
  assert.equal((await page.content()).includes(token), false);
});
