// What people do with the console, each from beginning to end.

import assert from "node:assert/strict";
import test from "node:test";
import { owner, resetPassword, reviewer, startConsole, until } from "./console.mjs";

const console = startConsole();
const phone = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };

test("a one-time link signs in by its button, once", async () => {
  const link = await console.server.signInLinkOf(owner);
  const page = await console.visit();
  await page.goto(link);
  assert.match(await page.textContent("main"), /signed in to acmecorp/);
  assert.deepEqual(await page.context().cookies(), [], "looking at a link signs nobody in");
  await page.getByRole("button", { name: `Sign in as ${owner}` }).click();
  await page.waitForURL(`${console.url}/`);
  const [cookie] = await page.context().cookies();
  assert.deepEqual([cookie.httpOnly, cookie.sameSite], [true, "Lax"]);

  await page.getByRole("button", { name: "Sign out" }).click();
  await page.waitForURL(`${console.url}/sign-in`);
  assert.deepEqual(await page.context().cookies(), []);
  assert.equal((await page.goto(link)).status(), 410);
  assert.match(await page.textContent("main"), /used already.*indent dev/s);
});

test("who is not signed in comes back to the petition afterwards", async () => {
  const { path } = await console.ask();
  const page = await console.visit();
  await page.goto(path);
  await page.getByLabel("Have one? Paste it").fill(await console.server.signInLinkOf(owner));
  await page.getByRole("button", { name: "Go on" }).click();
  await page.getByRole("button", { name: /^Sign in as/ }).click();
  await page.waitForURL(`${console.url}${path}`);
});

test("a petition that code makes shows up in the inbox by itself", async () => {
  const page = await console.visit(reviewer);
  await page.goto("/");
  await page.getByText("Live:").waitFor();
  const { name, resources } = await console.ask({ reason: "found in the inbox" });
  const row = page.locator(`#waiting #row-${name}`);
  await row.waitFor();
  assert.match(await row.textContent(), /found in the inbox/);
  assert.match(await page.title(), /^\(\d+\) Inbox/);
  await row.getByRole("link").click();
  await page.getByRole("heading", { level: 1, name: resources[0].displayName }).waitFor();
});

test("a new petition never slides under the cursor", async () => {
  const first = await console.ask();
  const page = await console.visit(reviewer);
  await page.goto("/");
  await page.getByText("Live:").waitFor();
  const row = page.locator(`#row-${first.name}`);
  await row.hover();
  const place = await row.boundingBox();
  const second = await console.ask();
  const news = page.getByRole("button", { name: /1 new petition/ });
  await news.waitFor();
  assert.deepEqual(await row.boundingBox(), place);
  assert.equal(await page.locator(`#row-${second.name}`).count(), 0);
  // decided meanwhile: the row says so where it stands
  await console.claim(first.name, "access/deny");
  await row.getByText("Denied").waitFor();
  assert.equal((await row.boundingBox()).y, place.y);
  await news.click();
  await page.locator(`#waiting #row-${second.name}`).waitFor();
  assert.equal(await page.locator(`#waiting #row-${first.name}`).count(), 0);
});

test("approve on a phone, for the time that one chooses", async () => {
  const { name, path } = await console.ask({ params: { user: 123, notify: true } });
  const page = await console.visit(reviewer, phone);
  await page.goto(path);
  const approve = page.getByRole("button", { name: "Approve" });
  // under the thumb without scrolling, and large enough for it
  const box = await approve.boundingBox();
  assert.ok(box.y + box.height <= 844 && box.height >= 44, JSON.stringify(box));
  await page.getByLabel("Approve for").selectOption("4 hours");
  await approve.tap();
  await page.getByRole("heading", { name: "Granted" }).waitFor();
  const { state } = await console.petition(name);
  assert.equal(state.status.phase, "granted");
  assert.equal(state.decision.actor.id, reviewer);
  assert.equal(Date.parse(state.grant.endTime) - Date.parse(state.grant.startTime), 4 * 3600_000);
});

test("deny with a reason that the petitioner reads", async () => {
  const { name, path } = await console.ask();
  const page = await console.visit(reviewer);
  await page.goto(path);
  await page.getByLabel("Reason").fill("not on a Friday\nask on Monday");
  await page.getByRole("button", { name: "Deny" }).click();
  await page.getByRole("heading", { name: "Denied" }).waitFor();
  const { state } = await console.petition(name);
  assert.equal(state.status.outcome, "denied");
  assert.equal(state.decision.reason, "not on a Friday\nask on Monday");
});

test("the owner's decision on what the owner's account asks is marked as self-approval", async () => {
  const { name, path } = await console.ask();
  const page = await console.visit(owner);
  await page.goto(path);
  await page.getByText("You are on both sides of this petition.").waitFor();
  await page.getByRole("button", { name: "Approve" }).click();
  for (const part of ["What policy says", "History"]) {
    await page.getByLabel(part).getByText("self-approval", { exact: true }).waitFor();
  }
  const { state } = await console.petition(name);
  assert.equal(state.claims[0].meta.labels["indent.com/claim/selfApproval"], "true");
});

test("a second reviewer sees the decision without reading the page again", async () => {
  const { path } = await console.ask();
  const [first, second] = [await console.visit(owner), await console.visit(reviewer)];
  await Promise.all([first.goto(path), second.goto(path)]);
  await second.getByText("Live:").waitFor();
  await second.getByLabel("Reason").fill("half a sentence");
  await second.evaluate(() => (window.sameDocument = true));
  await first.getByRole("button", { name: "Deny" }).click();
  await second.getByRole("heading", { name: "Denied" }).waitFor();
  assert.equal(await second.getByRole("button", { name: "Approve" }).count(), 0);
  assert.match(await second.textContent("[data-announce]"), /now: Denied/);
  assert.match(await second.title(), /Reset Password/);
  assert.ok(await second.evaluate(() => window.sameDocument), "the page was not loaded again");
});

test("what one types stays when the page hears of something else", async () => {
  const { name, path } = await console.ask();
  const page = await console.visit(reviewer);
  await page.goto(path);
  await page.getByText("Live:").waitFor();
  await page.getByLabel("Reason").fill("half a sentence");
  await page.getByLabel("Approve for").selectOption("8 hours");
  await console.call("POST", "/petitions", { petition: { reason: "another one", resources: [resetPassword()] } });
  await page.evaluate(() => readAgain());
  assert.equal(await page.getByLabel("Reason").inputValue(), "half a sentence");
  assert.equal(await page.getByLabel("Approve for").inputValue(), "8h0m0s");
  await console.claim(name, "access/approve");
  await page.getByRole("heading", { name: "Granted" }).waitFor();
});

test("a stale page, the back button and a second press do no harm", async () => {
  const { name, path } = await console.ask();
  const page = await console.visit(reviewer);
  await page.goto(path);
  await page.getByLabel("Reason").fill("twice");
  await page.getByRole("button", { name: "Approve" }).dblclick();
  await page.getByRole("heading", { name: "Granted" }).waitFor();
  await page.goto("/");
  await page.goBack();
  await page.getByRole("heading", { name: "Granted" }).waitFor();
  assert.equal((await console.petition(name)).state.claims.length, 1);

  const late = await console.ask();
  const stale = await console.visit(reviewer, { javaScriptEnabled: false });
  await stale.goto(late.path);
  await console.claim(late.name, "access/deny", "use staging");
  await stale.getByRole("button", { name: "Approve" }).click();
  const notice = await stale.getByRole("alert").textContent();
  assert.match(notice, /Not done.*denied by you@acmecorp\.example at \d{4}-/s);
  assert.equal((await console.petition(late.name)).state.status.outcome, "denied");
});

test("revoke what was granted, in two steps", async () => {
  const { name, path } = await console.ask();
  await console.claim(name, "access/approve");
  const page = await console.visit(reviewer);
  await page.goto(path);
  assert.equal(await page.getByRole("button", { name: "Revoke" }).isVisible(), false);
  await page.getByText("Revoke…").click();
  await page.getByRole("button", { name: "Revoke" }).click();
  await page.getByRole("heading", { name: "Revoked" }).waitFor();
  await until("the petition closes", async () => {
    const { state } = await console.petition(name);
    return state.status.phase === "closed" && state.status.outcome === "revoked";
  });
});

test("signed out elsewhere, an open page says so", async () => {
  const page = await console.visit();
  await page.goto(await console.server.signInLinkOf(reviewer));
  await page.getByRole("button", { name: /^Sign in as/ }).click();
  await page.getByText("Live:").waitFor();
  await page.context().request.post("/sign-out", { headers: { origin: console.url } });
  await console.ask();
  await page.getByText("You are signed out").waitFor();
});

test("a cut connection is said, and mended when it is back", async () => {
  const page = await console.visit(reviewer);
  await page.goto("/");
  await page.getByText("Live:").waitFor();
  await page.context().setOffline(true);
  const { name } = await console.ask();
  await page.context().setOffline(false);
  await page.locator(`#row-${name}`).waitFor();
});
