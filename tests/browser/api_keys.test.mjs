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

for (const javaScriptEnabled of [true, false]) {
  test(`a service account is made, gets a token, loses it and goes, ${javaScriptEnabled ? "with" : "without"} JavaScript`, async () => {
    const page = await console.visit(owner, { javaScriptEnabled, viewport: { width: 390, height: 844 } });
    const id = `bot-${javaScriptEnabled}`;
    await page.goto("/api-keys");
    await page.getByText("Make a service account").click();
    await page.getByLabel("Id", { exact: true }).fill(id);
    await page.getByRole("button", { name: "Make service account" }).click();
    const bot = page.getByRole("article", { name: `Service account ${id}` });
    await bot.getByText("Make a token").click();
    await bot.getByLabel("What it is for").fill("nightly");
    await bot.getByRole("group", { name: "What it may do" }).getByLabel("petitions:create", { exact: true }).uncheck();
    await bot.getByRole("button", { name: "Make token" }).click();
    await page.getByRole("heading", { name: `A new token of ${id}` }).waitFor();

    // shown once, masked, and with no more than was ticked
    const field = page.getByLabel("Service account token");
    assert.equal(await field.isVisible(), false, "the token is masked");
    await page.getByText("Reveal", { exact: true }).click();
    const token = await field.inputValue();
    assert.match(token, /^ind_[0-9A-Za-z]{38}$/);
    const call = (path) => fetch(`${console.url}/v1/spaces/acmecorp${path}`, { headers: { Authorization: `Bearer ${token}` } });
    assert.equal((await call("/petitions")).status, 200);
    assert.equal((await call("/resources")).status, 403);
    await page.goto("/api-keys");
    assert.equal((await page.content()).includes(token), false);

    // one in its place, while the old one goes on
    await bot.getByLabel("The old one goes on for").selectOption("an hour");
    await bot.getByRole("button", { name: "Rotate nightly" }).click();
    await page.getByText("Reveal", { exact: true }).click();
    assert.notEqual(await field.inputValue(), token);
    assert.equal((await call("/petitions")).status, 200);

    for (let left = 2; left > 0; left -= 1) {
      await page.goto("/api-keys");
      await bot.getByRole("button", { name: "Revoke nightly" }).first().click();
      await page.locator("[data-told]", { hasText: "Done: the token has ended." }).waitFor();
    }
    await bot.getByText("It has no token.").waitFor();
    assert.equal((await call("/petitions")).status, 401);
    assert.equal(page.url().includes("ended"), false, "what was done does not stand in the address");
    await page.reload();
    assert.equal(await page.locator("[data-told]").count(), 0, "it is said once");

    // an outside issuer stands for it; what is refused stands beside its field, and nothing typed is lost
    await bot.getByText("Trust an outside issuer").click();
    await bot.getByLabel("Issuer").fill("https://token.actions.githubusercontent.com");
    await bot.getByLabel("Required claims").fill("ref=refs/heads/main");
    await bot.getByRole("button", { name: "Trust it" }).click();
    await bot.getByRole("alert").getByText("signs tokens for everybody").waitFor();
    const claims = bot.getByLabel("Required claims");
    assert.equal(await claims.evaluate((e) => e === document.activeElement), true, "one goes on typing where it is wrong");
    assert.equal(await bot.getByLabel("Issuer").inputValue(), "https://token.actions.githubusercontent.com");
    await claims.fill("ref=refs/heads/main\nrepository=acme/app");
    await bot.getByRole("button", { name: "Trust it" }).click();
    await page.locator("[data-told]", { hasText: "Done: tokens of that issuer" }).waitFor();
    for (const words of ["repository=acme/app", "ref=refs/heads/main", console.url]) assert.ok((await bot.textContent()).includes(words), words);
    await bot.getByRole("button", { name: /^End the trust/ }).click();
    await page.locator("[data-told]", { hasText: "Done: the trust has ended" }).waitFor();
    assert.equal((await bot.textContent()).includes("repository=acme/app"), false);
    await bot.getByText("Suspend or delete").click();
    await bot.getByRole("button", { name: `Delete ${id}` }).click();
    await bot.waitFor({ state: "detached" });
  });
}
