// Webhooks and their policies in the console, with an endpoint that is there: what it is told, what goes wrong, and how people mend it.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { owner, reviewer, startConsole, until } from "./console.mjs";
import { look } from "./look.mjs";

const console = startConsole();
const credential = "Bearer k3y-that-nobody-reads";

/** A real endpoint: it answers with `status`, and keeps what it was told. */
const endpoint = { status: 200, calls: [] };

before(async () => {
  endpoint.server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => (body += chunk));
    request.on("end", () => {
      endpoint.calls.push({ headers: request.headers, ...JSON.parse(body) });
      const code = endpoint.status === 200 ? 0 : 14;
      response.writeHead(endpoint.status, { "Content-Type": "application/json" });
      response.end(JSON.stringify({ status: { code, message: code ? "the directory is down for maintenance" : "" } }));
    });
  }).listen(0, "127.0.0.1");
  await once(endpoint.server, "listening");
  endpoint.url = `http://127.0.0.1:${endpoint.server.address().port}/indent`;
});

after(() => endpoint.server.close());

/** The commands that the endpoint was told for a thing, in their order. */
const told = (id) =>
  endpoint.calls
    .filter((call) => call.events?.at(-1).event.match(/^access\/(grant|revoke)$/) && call.events[0].resources?.some((r) => r.id === id))
    .map((call) => call.events.at(-1).event);

/** Ask for something by a webhook and approve it; gives the path of its page. */
async function granted(id) {
  const { name, path } = await console.ask({ reason: "the nightly job is stuck", resources: [{ kind: "role", id, displayName: "Reader of orders" }] });
  await console.claim(name, "access/approve");
  return { name, path };
}

/** What the page tells at its place, and says aloud a moment later with the same words. */
const isTold = (page, text) => page.locator("[data-told]").getByText(text).waitFor();

/** Read the page again until a text is on it. */
async function appears(page, path, text) {
  await until(`${text} on ${path}`, async () => {
    await page.goto(path);
    return (await page.textContent("main")).includes(text);
  });
}

test("a webhook and its policy are made by their forms, and what is wrong stands beside its field", async () => {
  const page = await console.visit(owner);
  await page.goto("/webhooks");
  await page.getByRole("link", { name: "Policies" }).click();
  await look(page, "webhook-policies-none");
  await page.getByRole("link", { name: "Add a webhook" }).click();
  await page.getByText("Add a webhook").click();
  await page.getByLabel("Name by it").fill("roles");
  await page.getByLabel("Title").fill("Roles in the directory");
  await page.getByLabel("URL an https").fill(endpoint.url);
  await page.getByLabel("A header with a credential").fill("Authorization");
  await page.getByLabel("The credential").fill(credential);
  await page.getByRole("button", { name: "Add" }).click();
  await page.getByRole("heading", { name: "Its new secret" }).waitFor();
  endpoint.secret = await page.locator("#webhook-secret").inputValue();
  assert.match(endpoint.secret, /^whsec_/);

  await page.goto("/webhooks/roles");
  await page.getByText("No policy names it").waitFor();
  await page.getByRole("link", { name: "Add a policy" }).click();
  assert.equal(await page.getByLabel("Webhook that gets").inputValue(), "roles");
  await page.getByLabel("Name by it").fill("all-roles");
  await page.getByLabel("Condition 1").fill('resource.kind == "role"');
  await page.getByLabel("Condition 2").fill('resource.knd != "x"');
  await page.getByRole("button", { name: "Add" }).click();
  const wrong = page.getByRole("alert");
  await wrong.getByText("undefined field").waitFor();
  assert.equal(await page.getByLabel("Condition 2").getAttribute("aria-describedby"), await wrong.getAttribute("id"));
  assert.equal(await page.getByLabel("Condition 2").evaluate((field) => field === document.activeElement), true, "what is wrong has the cursor");
  await look(page, "webhook-policy-refused");
  await page.getByLabel("Condition 2").fill("");
  await page.getByRole("button", { name: "Add" }).click();
  await isTold(page, "Done: the policy holds");
  await look(page, "webhook-policy");
});

test("a policy is tried on petitions, changed, and a change of what holds no more is refused", async () => {
  await console.ask({ reason: "to read", resources: [{ kind: "role", id: "reader" }, { kind: "door", id: "front" }] });
  const page = await console.visit(owner);
  await page.goto("/webhook-policies/all-roles");
  await page.getByRole("button", { name: "Try" }).click();
  await page.getByText("It would be called for 1 of the latest 1").waitFor();
  await page.getByText("it is not about this").waitFor();
  await page.getByText("What it sees").first().click();
  await look(page, "webhook-policy-tried");
  await page.getByText("Or what somebody would ask for").click();
  await page.getByLabel("Kind of what is asked for").fill("role");
  await page.getByRole("button", { name: "Try" }).click();
  await page.getByRole("alert").waitFor();
  await look(page, "webhook-policy-try-refused");

  const other = await console.visit(owner);
  for (const visit of [page, other]) {
    await visit.goto("/webhook-policies/all-roles");
    await visit.getByText("Change it").click();
  }
  await other.getByLabel("Title").fill(`All roles ${"and more ".repeat(12)}`);
  await other.getByLabel("Labels of the resource").fill("");
  await other.getByRole("button", { name: "Change" }).click();
  await isTold(other, "Done: the policy is changed");
  await page.getByLabel("Title").fill("Something else");
  await page.getByRole("button", { name: "Change" }).click();
  await page.getByText("somebody has changed the webhook policy").waitFor();
  assert.equal(await page.getByLabel("Title").inputValue(), "Something else");
  await look(page, "webhook-policy-stale");
});

test("a call that failed is seen by who asked and by Editors, and is made again", async () => {
  endpoint.status = 503;
  const { path } = await granted("orders-reader");
  const page = await console.visit(owner);
  await appears(page, path, "Not yet applied");
  await page.getByText("the system has not been changed yet").waitFor();
  await look(page, "told-not-yet-applied");

  await page.goto("/webhooks");
  await page.getByText("failing").waitFor();
  await look(page, "webhooks-failing");
  await page.goto("/webhooks/roles");
  await page.getByText("in a row").waitFor();
  await look(page, "webhook-failing");
  await page.getByRole("link", { name: "Find a call" }).click();
  await look(page, "deliveries");
  await page.getByLabel("What came of it").selectOption("done");
  await page.getByRole("button", { name: "Show" }).click();
  await page.getByText("There is no such call").waitFor();
  await page.getByRole("link", { name: "Show all" }).click();
  await page.locator(".row-title a").first().click();
  await page.getByRole("heading", { name: "What was sent" }).waitFor();
  const shown = await page.content();
  assert.ok(shown.includes("down for maintenance") && shown.includes("orders-reader"));
  assert.ok(endpoint.calls.at(-1).headers.authorization === credential, "the endpoint gets the credential");
  for (const secret of [credential, "k3y", endpoint.secret, endpoint.calls.at(-1).headers["webhook-signature"], endpoint.calls.at(-1).headers["x-indent-signature"]]) {
    assert.ok(secret && !shown.includes(secret), `the page of a call shows ${secret}`);
  }
  await look(page, "delivery-failed");

  endpoint.status = 200;
  await page.getByRole("button", { name: "Make it again" }).click();
  await isTold(page, "Done: the call is made again");
  await appears(page, path, "Applied by roles");
  assert.equal(told("orders-reader").at(-1), "access/grant");
  await look(page, "told-applied");
});

test("an endpoint that wants no more calls is disabled, and called again when somebody says so", async () => {
  const { name, path } = await granted("users-reader");
  const page = await console.visit(reviewer);
  await appears(page, path, "Applied by roles");
  endpoint.status = 410;
  await console.claim(name, "access/revoke", "no longer needed");
  await appears(page, path, "the webhook is disabled");
  assert.equal(await page.getByText("It is tried until it is taken away").count(), 0, "a webhook that is disabled is not called");
  await look(page, "told-not-yet-taken-away");
  await page.goto("/grants");
  await page.getByText("Over, and not yet taken away").waitFor();
  await look(page, "grants-not-yet-taken-away");
  await page.goto("/webhooks/roles");
  await page.getByText("it has answered 410 and is not called").waitFor();
  await look(page, "webhook-disabled");
  await page.getByRole("link", { name: /^Revoke/ }).first().click();
  await page.getByText("gone (410)", { exact: true }).waitFor();
  await look(page, "delivery-gone");
  endpoint.status = 200;
  await page.goto("/webhooks/roles");
  await page.getByRole("button", { name: "Call it again now" }).click();
  await isTold(page, "Done: the webhook is called again");
  await appears(page, path, "Ended");
  assert.deepEqual(told("users-reader"), ["access/grant", "access/revoke", "access/revoke"]);
  await page.goto("/webhooks/roles");
  assert.equal(await page.getByRole("button", { name: "Call it again now" }).count(), 0);
});

test("an endpoint that is paused says so, and is called again when somebody says so", async () => {
  await console.call("POST", "/webhooks", { webhook: { name: "tired", url: endpoint.url } }, console.server.reviewer);
  const hour = 3_600_000;
  const [since, next] = [-hour, hour].map((by) => new Date(Date.now() + by).toISOString());
  const state = { failures: 24, failingSince: since, problem: "the endpoint has not answered in time", pausedSince: since, probeTime: next };
  await console.server.write("INSERT INTO webhook_states (space, webhook, version, doc) VALUES ('acmecorp', 'tired', 1, ?)", JSON.stringify(state));
  const page = await console.visit(owner);
  await page.goto("/webhooks/tired");
  await page.getByText("24 in a row").waitFor();
  assert.match(await page.textContent("main"), /paused\s+since .*tried next/s);
  await look(page, "webhook-paused");
  await page.getByRole("button", { name: "Call it again now" }).click();
  await isTold(page, "Done: the webhook is called again");
  assert.equal(await page.getByText("paused", { exact: true }).count(), 0);
});

test("a form of the directory that stayed open does not undo what another has changed", async () => {
  await console.call("PUT", "/pullPolicies/tired", { pullPolicy: { webhook: "tired", kinds: ["role"] } }, console.server.reviewer);
  const [page, other] = [await console.visit(owner), await console.visit(owner)];
  for (const visit of [page, other]) {
    await visit.goto("/directory/tired");
    await visit.getByText("Change it", { exact: true }).click();
  }
  await other.getByLabel("Kinds").fill("database");
  await other.getByRole("button", { name: "Change" }).click();
  await isTold(other, "Done: it is changed");
  await page.getByLabel("Title").fill("Tired roles");
  await page.getByRole("button", { name: "Change" }).click();
  await page.getByText("somebody has changed the pull policy tired since you read it").waitFor();
  assert.equal(await page.getByLabel("Title").inputValue(), "Tired roles");
  await look(page, "pull-stale");
});
