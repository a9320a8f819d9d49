// Passkeys from beginning to end, with the authenticator that Chromium brings for tests.

import assert from "node:assert/strict";
import test from "node:test";
import { owner, reviewer, startConsole, until } from "./console.mjs";
import { giveDevice } from "./device.mjs";
import { look } from "./look.mjs";

const console = startConsole({ named: true });

/** A page whose browser has a device with user verification. */
async function visitWithDevice(options = {}) {
  const page = await console.visit(undefined, options);
  return { page, ...(await giveDevice(page)) };
}

async function follow(page, who) {
  await page.goto(await console.server.signInLinkOf(who));
  await page.getByRole("button", { name: /^Sign in as/ }).click();
}

/** What the form says beside its button. */
function told(page, hasText) {
  return page.locator("[data-passkey-says]", { hasText }).waitFor();
}

async function signOut(page) {
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.waitForURL("**/sign-in");
}

async function addPasskey(page, name) {
  await page.goto("/passkeys");
  await page.getByLabel("Name").fill(name);
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await page.getByText(name, { exact: true }).waitFor();
}

/** A petition for something that the directory wants confirmed. */
async function askForVault() {
  const vault = { kind: "vault", id: "vault", displayName: "The vault", labels: { "indent.com/confirm": "passkey" } };
  await console.call("PUT", "/resources/vault", { resource: vault }, console.server.reviewer);
  return console.ask({ reason: "rotate the root key", resources: [{ kind: "vault", id: "vault", displayName: "The vault" }] });
}

test("register, sign in with the second factor, approve with a step-up, remove", async () => {
  const { page, agrees, credentials } = await visitWithDevice();
  await follow(page, reviewer);
  await page.getByRole("heading", { name: "Inbox" }).waitFor();
  await page.goto("/account");
  await page.getByRole("link", { name: "Your passkeys" }).click();
  await page.getByText("You have none yet.").waitFor();
  await look(page, "passkeys-none");

  const { name, path } = await askForVault();
  await page.goto(path);
  await page.getByText("you have none here").waitFor();
  assert.equal(await page.getByRole("button", { name: "Approve" }).count(), 0);
  await look(page, "petition-confirm-none");

  await addPasskey(page, "Laptop");
  assert.equal((await credentials()).length, 1);
  assert.equal((await credentials())[0].rpId, "localhost");

  // the link alone is not enough any more
  await signOut(page);
  await follow(page, reviewer);
  await page.getByRole("heading", { name: "One more step" }).waitFor();
  await look(page, "factor");
  await page.goto(path);
  await page.getByRole("heading", { name: "One more step" }).waitFor();
  await agrees(false);
  await page.getByRole("button", { name: "Use your passkey" }).click();
  await told(page, "Not done: it was cancelled");
  await page.goto("/");
  await page.getByRole("heading", { name: "One more step" }).waitFor();
  await page.goto(path);
  await agrees(true);
  await page.getByRole("button", { name: "Use your passkey" }).click();
  await page.waitForURL(`**${path}`);

  // cancelled: not approved
  await page.getByText("Approving asks for your").waitFor();
  await look(page, "petition-confirm");
  await agrees(false);
  await page.getByRole("button", { name: "Approve" }).click();
  await told(page, "Not done: it was cancelled");
  assert.deepEqual((await console.petition(name)).state.claims, []);

  await agrees(true);
  await page.getByLabel("Reason").fill("seen the ticket");
  await page.getByRole("button", { name: "Approve" }).click();
  await page.getByRole("heading", { name: "Granted" }).waitFor();
  await page.getByLabel("History").getByText("confirmed with a passkey", { exact: true }).waitFor();
  await look(page, "petition-confirmed");
  const { state } = await console.petition(name);
  assert.equal(state.status.phase, "granted");
  assert.equal(state.claims[0].reason, "seen the ticket");
  assert.equal(state.claims[0].meta.labels["indent.com/claim/passkey/credential"].length > 10, true);

  // by the API, without a passkey: refused with the page's address
  const second = await askForVault();
  await assert.rejects(console.claim(second.name, "access/approve"), (error) => {
    assert.match(error.message, /answered 403/);
    assert.ok(error.message.includes(`${console.url}${second.path}`), error.message);
    return true;
  });
  // and denying needs none
  await console.claim(second.name, "access/deny");

  await page.goto("/passkeys");
  await page.getByText("Remove…").click();
  await page.getByRole("button", { name: "Remove Laptop" }).click();
  await page.getByText("You have none yet.").waitFor();
  await page.context().close();
});

test("another passkey is confirmed with the first; the operator helps when all are lost", async () => {
  const { page, credentials } = await visitWithDevice();
  await follow(page, owner);
  await page.getByRole("heading", { name: "Inbox" }).waitFor();
  await addPasskey(page, "First");
  // one device holds one passkey of a member: the browser says so
  await page.getByLabel("Name").fill("Second");
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await told(page, "this device has a passkey of yours already");
  assert.equal((await credentials())[0].signCount > 1, true, "the first was asked before");
  await look(page, "passkeys");
  await console.server.admin("passkey", "remove", "--space", "acmecorp", "--email", owner);
  await until("the session has ended", async () => {
    await page.goto("/passkeys");
    return page.url().endsWith("/sign-in?return=%2Fpasskeys");
  });
  await follow(page, owner);
  await page.getByRole("heading", { name: "Inbox" }).waitFor();
  await page.context().close();
});

test("without JavaScript the page says that a passkey needs it, and approves nothing", async () => {
  const { page } = await visitWithDevice();
  await follow(page, reviewer);
  await addPasskey(page, "Laptop");
  const { name, path } = await askForVault();
  const storageState = await page.context().storageState();
  const context = await console.browser.newContext({ baseURL: console.url, storageState, javaScriptEnabled: false });
  const plain = await context.newPage();
  await plain.goto(path);
  assert.match(await plain.textContent("main"), /a passkey needs JavaScript/);
  await plain.getByRole("button", { name: "Approve" }).click();
  assert.match(await plain.getByRole("alert").textContent(), /approved with a passkey only/);
  assert.deepEqual((await console.petition(name)).state.claims, []);
  await plain.getByRole("button", { name: "Deny" }).click();
  await plain.getByRole("heading", { name: "Denied" }).waitFor();
  await context.close();
  await page.context().close();
});
