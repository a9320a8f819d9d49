// Signing in with a company's provider where passkeys are asked for, too: a real provider, and Chromium's own device.

import assert from "node:assert/strict";
import test, { after, before } from "node:test";
import { giveDevice } from "./device.mjs";
import { launchBrowser } from "./setup.mjs";
import { signInAs, startOffice } from "./oidc.mjs";

let office;
let browser;

before(async () => {
  const settings = "passkey_after_oidc: true\nrequire_passkey_roles: Editor\n";
  office = await startOffice({ named: true, settings });
  browser = await launchBrowser();
}, { timeout: 60_000 });

after(async () => {
  await browser?.close();
  await office?.close();
});

/** A page of a new visitor; with `device` in the browser of somebody who has one. */
async function visit({ device = false } = {}) {
  const context = await browser.newContext({ baseURL: office.url });
  context.setDefaultTimeout(30_000);
  const page = await context.newPage();
  return { page, ...(device && (await giveDevice(page))) };
}

/** Sign in with the provider, beginning at an address that needs it. */
async function signIn(page, who, address) {
  await page.goto(address);
  await page.getByRole("link", { name: "Sign in with Acme" }).click();
  await signInAs(page, who);
}

/** Leave here and at the provider, which else signs in by itself. */
async function signOut(page) {
  await page.getByRole("button", { name: "Sign out", exact: true }).click();
  await page.waitForURL("**/sign-in");
  const cookies = await page.context().cookies(office.url);
  await page.context().clearCookies();
  assert.deepEqual(cookies.filter(({ name }) => name === "indent"), []);
}

async function addPasskey(page, name) {
  await page.goto("/passkeys");
  await page.getByLabel("Name").fill(name);
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await page.getByText("Done: the passkey is yours.").first().waitFor();
}

/** Nothing opens for who owes a passkey, and every way leads to the page that asks for it. */
async function owes(page, heading) {
  await page.getByRole("heading", { name: heading }).waitFor();
  for (const address of ["/", "/api-keys", "/account", "/account/space", "/passkeys", "/groups"]) {
    await page.goto(address);
    assert.equal(new URL(page.url()).pathname, "/sign-in/passkey", address);
  }
  const answer = await page.request.post("/api-keys", { maxRedirects: 0 });
  assert.equal(answer.status(), 303);
  assert.match(answer.headers().location, /^\/sign-in\/passkey/);
}

const whoIsHere = async (page) => {
  await page.goto("/account");
  return page.textContent("main");
};

test("a member with a passkey is asked for it after the provider has vouched, too", async () => {
  const { page, credentials, agrees } = await visit({ device: true });
  await signIn(page, "ada", "/access/acmecorp/none"); // which says which space
  await page.getByRole("heading", { name: "Nothing here" }).waitFor();
  await addPasskey(page, "Laptop");
  assert.equal((await credentials()).length, 1);
  await signOut(page);

  await signIn(page, "ada", "/access/acmecorp/none");
  await owes(page, "One more step");
  await page.goto("/api-keys");
  await agrees(false);
  await page.getByRole("button", { name: "Use your passkey" }).click();
  await page.locator("[data-passkey-says]", { hasText: "Not done" }).waitFor();
  await owes(page, "One more step");
  await page.goto("/api-keys");
  await agrees(true);
  await page.getByRole("button", { name: "Use your passkey" }).click();
  await page.waitForURL("**/api-keys"); // where they wanted to go
  assert.match(await whoIsHere(page), /Ada Lovelace.*Signed in by Acme/s);
  await page.context().close();
});

test("a role that needs a passkey makes one at the first sign-in, and uses it at the next", async () => {
  const { page, credentials } = await visit({ device: true });
  await signIn(page, "grace", "/access/acmecorp/none");
  await owes(page, "Your role needs a passkey");
  await page.goto("/api-keys");
  await page.getByLabel("Name").fill("Key ring");
  await page.getByRole("button", { name: "Make a passkey and sign in" }).click();
  await page.waitForURL("**/api-keys");
  assert.equal((await credentials()).length, 1);
  assert.match(await whoIsHere(page), /Space\s*acmecorp.*Role\s*Editor/s);
  await signOut(page);

  await signIn(page, "grace", "/access/acmecorp/none");
  await owes(page, "One more step");
  await page.getByRole("button", { name: "Use your passkey" }).click();
  await page.waitForURL((url) => url.pathname !== "/sign-in/passkey");
  assert.match(await whoIsHere(page), /Role\s*Editor/);
  await page.context().close();
});

test("going to a space where one has a passkey asks for it there; until then one is nowhere", async () => {
  const { page } = await visit({ device: true });
  await signIn(page, "alan", "/access/labs/none");
  await page.getByRole("heading", { name: "Nothing here" }).waitFor();
  await addPasskey(page, "Phone");
  await signOut(page);

  await signIn(page, "alan", "/access/acmecorp/none");
  await page.getByRole("heading", { name: "Nothing here" }).waitFor(); // no passkey in this space
  await page.goto("/api-keys");
  await page.getByLabel("Another space").selectOption("labs");
  await page.getByRole("button", { name: "Switch" }).click();
  await owes(page, "One more step");
  assert.match(await page.textContent("main"), /labs/);
  await page.goto("/api-keys");
  await page.getByRole("button", { name: "Use your passkey" }).click();
  await page.waitForURL("**/api-keys");
  assert.match(await whoIsHere(page), /Space\s*labs/);

  // and whoever does not have it signs out from there
  await page.getByRole("link", { name: "Switch…" }).click();
  await page.getByRole("button", { name: "Go to acmecorp" }).click();
  await page.getByRole("heading", { name: "Inbox" }).waitFor();
  await page.goto("/account/space");
  await page.getByRole("button", { name: "Go to labs" }).click();
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.waitForURL("**/sign-in");
  await page.context().close();
});
