// The page Policy, driven: a mistake is told beside its line, a failing test refuses, what is applied holds, stands in the
// history and is taken back; a change may need approval; of two who change at once the later one loses nothing.

import assert from "node:assert/strict";
import test from "node:test";
import { owner, reviewer, startConsole } from "./console.mjs";
import { look } from "./look.mjs";

const console = startConsole();
const viewer = "victor@acmecorp.example";
const second = "olga@acmecorp.example";

/** A document in which databases need so many Owners; the test in it wants `expected`. */
const document = ({ count = 1, expected = count, role = "Owner", more = "" } = {}) => `version: 1
name: databases
${more}rules:
  - name: databases
    when: resources.all(r, r.kind == "database")
    require: {reviewers: {roles: [${role}]}, count: ${count}, selfApproval: true}
  - name: rest
    require: {reviewers: {roles: [Owner, Editor]}, selfApproval: true}
tests:
  - name: a database
    as: {id: ada@acmecorp.example, role: Viewer}
    petition: {resources: [{id: prod-db, kind: database}]}
    expect: {verdict: review, rule: databases, count: ${expected}}
`;

const editor = (page) => page.getByLabel("The whole document");
const press = (page, name) => page.getByRole("button", { name, exact: true }).click();

async function apply(page, text, reason) {
  await editor(page).fill(text);
  await page.getByLabel("Why it changes").fill(reason);
  await press(page, "Apply");
}

/** Apply a text from the page Policy and see that it holds. */
async function holds(page, text, reason) {
  await page.goto("/policy/edit");
  await apply(page, text, reason);
  await page.getByRole("heading", { name: /^Version \d+ holds$/ }).waitFor();
  return version(page);
}

async function version(page) {
  await page.goto("/policy");
  return Number(/Version (\d+) holds/.exec(await page.textContent("main"))[1]);
}

/** People whom `indent dev` does not have. */
async function people() {
  const page = await console.visit(owner);
  await page.goto("/settings");
  for (const [who, role] of [[viewer, "Viewer"], [second, "Owner"]]) {
    await page.getByText("Add a person").click();
    await page.getByLabel("Address", { exact: true }).fill(who);
    await page.getByLabel("Role", { exact: true }).first().selectOption(role);
    await press(page, "Add");
    await page.locator(".member", { hasText: who }).waitFor();
  }
  await page.context().close();
}

let added;
const everybody = () => (added ??= people());

test("a mistake is told beside its line; mended, a failing test refuses it; mended again, it holds", async () => {
  const page = await console.visit(owner);
  await page.goto("/policy");
  const before = await version(page);
  await page.getByRole("link", { name: "Change", exact: true }).click();
  await editor(page).fill(document().replace("r.kind", "r.knid"));
  await press(page, "Check");
  await page.getByRole("heading", { name: "It would not be taken" }).waitFor();
  const faulty = page.locator("#line-5.faulty");
  assert.match(await faulty.textContent(), /knid.*column \d+: /s, "the line, and the column in it");
  await look(page, "policy-mistake");

  await apply(page, document({ expected: 2 }), "databases need an owner");
  await page.getByRole("heading", { name: "Not taken" }).waitFor();
  const found = await page.locator("#found").textContent();
  assert.match(found, /a database\s+line \d+\s+failed/);
  assert.match(found, /count/);
  assert.equal(await page.getByLabel("Why it changes").inputValue(), "databases need an owner", "nothing that was typed is lost");
  assert.equal(await version(await console.visit(owner)), before, "what fails its tests does not hold");

  await editor(page).fill(document());
  await press(page, "Check");
  assert.match(await page.locator(".notice-yes").textContent(), /It would be taken: 2 rules, 1 test/);
  await page.getByLabel("Why it changes").fill("databases need an owner");
  await press(page, "Apply");
  await page.getByRole("heading", { name: `Version ${before + 1} holds` }).waitFor();
  assert.match(await page.locator("#document").textContent(), /databases need an owner/);
});

test("the history has each version, what it changed, and brings one back", async () => {
  const page = await console.visit(owner, { viewport: { width: 390, height: 844 } });
  const first = await holds(page, document(), "one owner");
  const next = await holds(page, document({ count: 2 }), "two owners");
  await page.locator("#history").getByRole("link", { name: `Version ${next}`, exact: true }).click();
  await page.getByRole("heading", { name: `Version ${next}`, exact: true }).waitFor();
  const diff = await page.locator(".diff").textContent();
  assert.match(diff, /-.*count: 1,/);
  assert.match(diff, /\+.*count: 2,/);
  await page.getByLabel("Compare with version").fill("1");
  await press(page, "Compare");
  await page.getByRole("heading", { name: "What it changes of version 1" }).waitFor();
  assert.match(await page.locator(".diff").textContent(), /-name: dev/);
  await look(page, "policy-diff");

  await page.goto("/policy");
  const row = page.locator("#history .row").filter({ has: page.getByRole("link", { name: `Version ${first}`, exact: true }) });
  await row.locator("summary").click();
  await row.getByLabel("Why").fill("too slow");
  await row.getByRole("button", { name: "Roll back" }).click();
  await page.getByRole("heading", { name: `Version ${next + 1} holds` }).waitFor();
  const now = await page.locator("#document").textContent();
  assert.match(now, /count: 1,/);
  assert.match(now, /too slow/);
});

test("a petition that is tried shows the rule, and what each part of its condition comes to", async () => {
  const page = await console.visit(owner);
  await holds(page, document({ count: 2 }), "to try");
  const asked = (await console.call("GET", "/petitions")).petitions.length;
  const tries = async (kind, id) => {
    await page.getByLabel("Reason").fill("to look at it");
    await page.getByLabel("Kind of what is asked for").fill(kind);
    await page.getByLabel("Its id").fill(id);
    await press(page, "Try");
    await page.locator(".tried").waitFor();
    return page.locator("#try").textContent();
  };
  const database = await tries("database", "prod-db");
  assert.match(database, /People decide\s+databases/);
  assert.match(database, /2 of Owner/);
  assert.equal(await page.getByLabel("Its id").inputValue(), "prod-db", "the form keeps what was tried");
  const other = await tries("queue", "mails");
  assert.match(other, /People decide\s+rest/);
  assert.match(other, /databases line 4\s+does not match/);
  assert.match(other, /r\.kind == "database"/);
  await page.getByLabel("For how long").fill("for ever");
  await press(page, "Try");
  assert.match(await page.locator("#try .wrong").first().textContent(), /such as 48h/);
  assert.equal((await console.call("GET", "/petitions")).petitions.length, asked, "nothing is asked");
});

test("an Editor and a Viewer look and try, and change nothing", async () => {
  await everybody();
  for (const who of [reviewer, viewer]) {
    const page = await console.visit(who);
    await page.goto("/policy");
    assert.equal(await page.getByRole("link", { name: "Change", exact: true }).count(), 0, who);
    assert.equal(await page.locator("#history summary").count(), 0, who);
    assert.match(await page.textContent("main"), /You may look; an owner changes/);
    const before = await version(page);
    assert.equal((await page.goto("/policy/edit")).status(), 403, who);
    assert.match(await page.textContent("main"), /ask an owner of the space for the role "Owner"/);
    // a form of one's own is refused as well
    const form = { base: before, text: document({ count: 3 }), reason: "by whoever", do: "apply" };
    const answer = await page.request.post("/policy/edit", { form, headers: { origin: console.url } });
    assert.equal(answer.status(), 403, who);
    assert.equal(await version(page), before, `${who} has changed the policy`);
  }
});

for (const javaScriptEnabled of [true, false]) {
  test(`of two who change at once the later one is told, and keeps what was typed, ${javaScriptEnabled ? "with" : "without"} JavaScript`, async () => {
    await everybody();
    const [one, other] = [await console.visit(owner, { javaScriptEnabled }), await console.visit(second, { javaScriptEnabled })];
    await holds(one, document(), "before");
    for (const page of [one, other]) await page.goto("/policy/edit");
    await apply(one, document({ count: 2 }), "two of them");
    await one.getByRole("heading", { name: /holds$/ }).waitFor();
    await apply(other, document({ role: "Editor" }), "editors know better");
    await other.getByRole("heading", { name: "Not taken" }).waitFor();
    assert.match(await other.getByRole("alert").textContent(), /Look at what holds now/);
    assert.match(await editor(other).inputValue(), /roles: \[Editor\]/);
    assert.equal(await other.getByLabel("Why it changes").inputValue(), "editors know better");
    if (javaScriptEnabled) await look(other, "policy-conflict");
    await apply(other, document({ role: "Editor" }), "once more, without a look");
    await other.getByRole("heading", { name: "Not taken" }).waitFor();
    await other.getByRole("link", { name: "Look at what holds now" }).click();
    assert.match(await other.locator("#document").textContent(), /count: 2,/, "nobody's change is lost");
    await holds(other, document({ role: "Editor", count: 2 }), "both");
  });
}

// The last one: from here on a change needs approval.
test("where a change is under review it is a petition, and what is granted holds", async () => {
  const page = await console.visit(owner);
  const under = document({ more: "changes:\n  require: {reviewers: {roles: [Editor]}}\n  decideWithin: 1h\n" });
  const before = await holds(page, under, "changes are reviewed from now on");
  await page.goto("/policy/edit");
  await editor(page).fill(under.replaceAll("count: 1", "count: 2"));
  await press(page, "Check");
  assert.match(await page.locator(".notice-yes").textContent(), /a change of it is a petition/);
  await apply(page, under.replaceAll("count: 1", "count: 2"), "two owners, please");
  await page.waitForURL(/\/access\/acmecorp\//);
  const petition = new URL(page.url()).pathname;
  assert.equal(await version(page), before, "nothing holds yet");
  assert.match(await page.textContent("main"), /A change waits for approval: two owners, please/);
  await look(page, "policy-waits");
  await page.getByRole("link", { name: "The whole of it" }).click();
  assert.match(await page.locator(".diff").textContent(), /\+.*count: 2/);

  const reviews = await console.visit(reviewer);
  await reviews.goto(petition);
  await reviews.getByRole("button", { name: /^Approve/ }).click();
  await reviews.getByRole("heading", { name: "Granted" }).waitFor();
  assert.equal(await version(page), before + 1);
  assert.match(await page.locator("#document").textContent(), /count: 2/);
  await page.goto(`/policy/versions/${before + 1}`);
  assert.match(await page.textContent("main"), /granted by petition/);
});
