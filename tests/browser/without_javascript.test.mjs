// Everything works with JavaScript switched off; only the page does not change by itself.

import assert from "node:assert/strict";
import test from "node:test";
import { owner, reviewer, startConsole } from "./console.mjs";

const console = startConsole();
const plain = { javaScriptEnabled: false };

test("sign in and out", async () => {
  const page = await console.visit(null, plain);
  await page.goto(await console.server.signInLinkOf(owner));
  await page.getByRole("button", { name: /^Sign in as/ }).click();
  assert.equal(page.url(), `${console.url}/`);
  await page.getByRole("button", { name: "Sign out" }).click();
  assert.equal(page.url(), `${console.url}/sign-in`);
});

test("from the inbox to a decision and back", async () => {
  const asked = await console.ask({ reason: "without a script", params: { table: "tenants" } });
  const page = await console.visit(reviewer, { ...plain, viewport: { width: 390, height: 844 } });
  await page.goto("/");
  assert.equal(await page.locator("noscript meta[http-equiv=refresh]").count(), 1);
  assert.equal(await page.getByRole("link", { name: "Read it again now" }).isVisible(), true);
  await page.locator(`#row-${asked.name}`).getByRole("link").click();
  const text = await page.textContent("main");
  for (const part of ["without a script", "tenants", asked.digest, "UTC"]) assert.ok(text.includes(part), part);
  await page.getByText("Exact JSON").click();
  assert.equal(await page.getByText('{"table":"tenants"}').isVisible(), true);
  await page.getByLabel("Reason").fill("go ahead");
  await page.getByLabel("Approve for").selectOption("15 minutes");
  await page.getByRole("button", { name: "Approve" }).click();
  await page.getByRole("heading", { name: "Granted" }).waitFor();
  await page.getByText("Revoke…").click();
  await page.getByRole("button", { name: "Revoke" }).click();
  await page.getByRole("heading", { name: "Revoked" }).waitFor();
});

test("what somebody has is looked at and revoked", async () => {
  const id = "door-without-a-script";
  const { path } = await console.ask({ reason: "to open it", resources: [{ kind: "door", id }] });
  const page = await console.visit(reviewer, { ...plain, viewport: { width: 390, height: 844 } });
  await page.goto(path);
  await page.getByRole("button", { name: "Approve" }).click();
  await page.getByRole("heading", { name: "Granted" }).waitFor();
  await page.getByRole("link", { name: "Grants" }).click();
  await page.getByLabel("Resource").fill(id);
  await page.getByRole("button", { name: "Show" }).click();
  await page.getByText("to open it").waitFor();
  await page.getByRole("link", { name: "Revoke these…" }).click();
  await page.getByLabel("Reason").fill("locked down");
  await page.getByRole("button", { name: "Revoke all of it" }).click();
  await page.getByText("Done: it is revoked").waitFor();
  await page.getByText("Nobody has that.").waitFor();
});

test("deny with a reason", async () => {
  const { name, path } = await console.ask();
  const page = await console.visit(reviewer, plain);
  await page.goto(path);
  await page.getByLabel("Reason").fill("no");
  await page.getByRole("button", { name: "Deny" }).click();
  await page.getByRole("heading", { name: "Denied" }).waitFor();
  assert.equal((await console.petition(name)).state.decision.reason, "no");
});

test("a token is made, revealed and works", async () => {
  const page = await console.visit(owner, plain);
  await page.goto("/api-keys");
  await page.getByRole("button", { name: "Create token" }).click();
  assert.equal(await page.getByRole("button", { name: "Copy" }).count(), 0);
  await page.getByText("Reveal", { exact: true }).click();
  const token = await page.getByLabel("Access Token").inputValue();
  const env = { INDENT_SPACE: "acmecorp", INDENT_API_TOKEN: token };
  assert.ok((await console.call("GET", "/petitions", undefined, env)).petitions);
});

test("a webhook and its policy are made, tried and deleted", async () => {
  const page = await console.visit(owner, plain);
  await page.goto("/webhooks");
  await page.getByText("Add a webhook").click();
  await page.getByLabel("Name by it").fill("plain");
  await page.getByLabel("URL an https").fill("https://hooks.example.com/indent");
  await page.getByRole("button", { name: "Add" }).click();
  await page.getByRole("heading", { name: "Its new secret" }).waitFor();
  await page.getByRole("link", { name: "Add a policy" }).click();
  await page.getByLabel("Name by it").fill("actions");
  await page.getByLabel("Condition 1").fill('resource.kind = "action"');
  await page.getByRole("button", { name: "Add" }).click();
  await page.getByRole("alert").waitFor();
  await page.getByLabel("Condition 1").fill('resource.kind == "action"');
  await page.getByRole("button", { name: "Add" }).click();
  const { name } = await console.ask();
  await page.getByLabel("Petition the name").fill(name);
  await page.getByRole("button", { name: "Try" }).click();
  await page.locator("#try").getByText("ApplyUpdate").waitFor();
  await page.getByText("called", { exact: true }).waitFor();
  await page.getByText("Delete it").click();
  await page.getByRole("button", { name: "Delete actions" }).click();
  await page.getByText("Done: the policy is gone").waitFor();
});
