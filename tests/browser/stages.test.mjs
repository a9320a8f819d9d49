// A petition through the stages of a rule: the page says at each step what is done, what waits and what comes.

import assert from "node:assert/strict";
import test from "node:test";
import { owner, reviewer, startConsole } from "./console.mjs";
import { look } from "./look.mjs";

const console = startConsole();

const policy = `version: 1
name: stages
rules:
  - name: databases
    description: A database needs an Editor first, then an Owner who is somebody else.
    when: resources.all(r, r.kind == "database")
    require:
      - name: editors
        reviewers: {roles: [Editor], groups: [on-call]}
        remindAfter: 10m
        escalate:
          - {after: 30m, reviewers: {persons: [${owner}]}}
      - name: owners
        reviewers: {roles: [Owner]}
        distinctFrom: [editors]
        selfApproval: true # the owner's own program asks
        remindAfter: 1h
        notify: {groups: [on-call]}
    denials: 2
    decideWithin: 24h
    inputs:
      - {label: ticket, description: Where the change is planned, type: text, maxLength: 40}
      - {label: rows, description: How many rows it changes, type: number, min: 0, max: 1000, optional: true}
  - name: emergency
    when: resources.all(r, r.kind == "glass")
    breakGlass:
      who: {persons: [${owner}]}
      duration: 1h
      review:
        within: 24h
        require: {reviewers: {roles: [Editor]}}
  - name: rest
    require: {reviewers: {roles: [Owner, Editor]}}
`;

/** The API as the owner. */
async function asOwner() {
  const page = await console.visit(owner);
  await page.goto("/api-keys");
  await page.getByRole("button", { name: "Create token" }).click();
  const token = await page.locator("#token").inputValue();
  await page.context().close();
  return (method, path, body, headers = {}) => fetch(`${console.url}/v1/spaces/acmecorp${path}`, {
    method, body: body && JSON.stringify(body), headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json", ...headers },
  });
}

let rules;

/** Make the rules above hold, once. */
function rulesHold() {
  rules ??= setPolicy();
  return rules;
}

async function setPolicy() {
  const call = await asOwner();
  const group = await call("PUT", "/resources/on-call", { resource: { kind: "group", id: "on-call", displayName: "On call" } });
  assert.equal(group.status, 200, await group.text());
  const old = await call("GET", "/policy");
  const made = await call("PUT", "/policy", { text: policy, reason: "stages" }, { "If-Match": old.headers.get("etag") });
  assert.equal(made.status, 200, await made.text());
}

test("stage by stage, live, until it is granted", async () => {
  await rulesHold();
  const { path } = await console.ask({
    reason: "backfill the invoices of 2024",
    resources: [{ kind: "database", id: "billing", displayName: "Billing Database" }],
    meta: { labels: { ticket: "SUP-4471" } },
  });
  const editor = await console.visit(reviewer);
  const boss = await console.visit(owner);
  for (const page of [editor, boss]) await page.goto(path);
  const stages = editor.locator(".stage");
  assert.equal(await stages.count(), 2);
  assert.match(await stages.nth(0).textContent(), /Stage 1 of 2 now.*0 of 1 approval by any Editor or anybody in the group on-call.*Escalates to you@acmecorp\.example.*in \d+ minutes.*reminded/s);
  assert.match(await stages.nth(1).textContent(), /Stage 2 of 2 next.*any Owner.*Told of it.*on-call/s);
  assert.equal(await stages.nth(0).getAttribute("aria-current"), "step");
  assert.match(await stages.nth(0).locator("time").last().getAttribute("title"), /UTC$/);
  const asked = await editor.textContent(".asked");
  assert.match(asked, /Where the change is planned\s*ticket\s*SUP-4471/);
  assert.match(asked, /How many rows it changes\s*rows\s*not given/);
  assert.match(await editor.textContent("[data-part=policy]"), /0 of 2 refusals/);
  await boss.getByText("You cannot decide this one").waitFor(); // whose stage is the second
  await look(editor, "petition-stage-1");

  await editor.getByRole("button", { name: "Approve" }).click();
  await editor.getByText("Waits for others").waitFor();
  assert.match(await stages.nth(0).textContent(), /Stage 1 of 2 done.*1 of 1 approval.*approved/s);
  assert.match(await stages.nth(1).textContent(), /Stage 2 of 2 now.*Whoever approved stage 1 does not count here/s);
  await boss.getByRole("button", { name: "Approve" }).waitFor(); // by itself
  await look(boss, "petition-stage-2");
  await boss.getByRole("button", { name: "Approve" }).click();
  await boss.getByRole("heading", { name: "Granted" }).waitFor();
  assert.match(await boss.locator(".stage").nth(1).textContent(), /Stage 2 of 2 done.*self-approval/s);
  await look(boss, "petition-stages-granted");
  for (const page of [editor, boss]) await page.context().close();
});

test("without JavaScript the times are in UTC, and it is all there", async () => {
  await rulesHold();
  const { path } = await console.ask({ resources: [{ kind: "database", id: "crm" }], meta: { labels: { ticket: "x" } } });
  const page = await console.visit(reviewer, { javaScriptEnabled: false });
  await page.goto(path);
  assert.match(await page.locator(".stage").first().textContent(), /Escalates to you@acmecorp\.example at \d+ \w+ \d{4}, \d\d:\d\d UTC/);
  await page.context().close();
});

test("a broken glass is said loudly, with what must follow", async () => {
  await rulesHold();
  const call = await asOwner();
  const answer = await call("POST", "/petitions", { petition: {
    reason: "the shop is down and nobody answers",
    resources: [{ kind: "glass", id: "shop" }],
    meta: { labels: { "indent.com/breakGlass": "true" } },
  } });
  assert.equal(answer.status, 200);
  const { name } = await answer.json();
  const page = await console.visit(reviewer);
  await page.goto(`/access/acmecorp/${name}`);
  assert.match(await page.locator(".glass-banner").textContent(), /Break-glass\..*in an emergency, and people must ratify it until/s);
  assert.match(await page.textContent("[data-part=policy]"), /The glass was broken\..*0 of 1 approval by any Editor/s);
  await look(page, "petition-glass");
  await page.getByRole("button", { name: "Ratify", exact: true }).click();
  await page.getByText("people have ratified it").waitFor();
  assert.match(await page.textContent("[data-part=history]"), /Reviewer ratified it/);
  await page.context().close();
});
