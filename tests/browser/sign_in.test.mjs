// Signing in with a company's provider, from the button to the list of one's sessions, at a real one.

import assert from "node:assert/strict";
import test, { after, before } from "node:test";
import { lookInBothThemes } from "./look.mjs";
import { launchBrowser } from "./setup.mjs";
import { signInAs, startOffice } from "./oidc.mjs";

let office;
let browser;
const violations = [];

before(async () => {
  office = await startOffice();
  browser = await launchBrowser();
}, { timeout: 60_000 });

after(async () => {
  await browser?.close();
  await office?.close();
  assert.deepEqual(violations, [], "our pages break their own policy");
});

async function visit(options = {}) {
  const context = await browser.newContext({ baseURL: office.url, ...options });
  context.setDefaultTimeout(30_000);
  const page = await context.newPage();
  page.on("console", (message) => {
    if (page.url().startsWith(office.url) && /Content Security Policy|Refused to/.test(message.text())) violations.push(message.text());
  });
  return page;
}

async function signIn(page, who) {
  await page.goto("/sign-in");
  await page.getByRole("link", { name: "Sign in with Acme" }).click();
  await signInAs(page, who);
}

/** Choose a space on the page that asks for it. */
async function choose(page, space) {
  await page.getByRole("heading", { name: "Choose a space" }).waitFor();
  await page.getByRole("button", { name: new RegExp(`(Stay in|Go to) ${space}$`) }).click();
}

const account = async (page) => {
  await page.goto("/account");
  return page.textContent("main");
};

test("the first sign-in makes a Viewer, who comes back to where they wanted to go", async () => {
  const page = await visit();
  await page.goto("/api-keys");
  await page.getByRole("link", { name: "Sign in with Acme" }).click();
  await signInAs(page, "ada");
  await choose(page, "acmecorp");
  await page.getByRole("heading", { name: "API keys" }).waitFor();
  const cookies = await page.context().cookies(office.url);
  assert.deepEqual(cookies.filter(({ name }) => name.startsWith("indent")).map(({ name, httpOnly, sameSite }) => [name, httpOnly, sameSite]),
    [["indent", true, "Lax"]], "the cookie of the attempt is gone, the session's is there");
  const text = await account(page);
  assert.match(text, /Ada Lovelace/);
  assert.match(text, /ada@acme\.example/);
  assert.match(text, /Role\s*Viewer/);
  assert.ok(text.includes(`oidc:${office.issuer}|ada`), text);
  assert.match(text, /Chrome on Linux.*this browser.*Signed in by Acme/s);
});

test("a group gives a role", async () => {
  const page = await visit();
  await signIn(page, "grace");
  await choose(page, "labs");
  assert.match(await account(page), /Space\s*labs.*Role\s*Editor/s);
  await page.getByRole("link", { name: "Switch…" }).click();
  await choose(page, "acmecorp");
  assert.match(await account(page), /Space\s*acmecorp.*Role\s*Editor/s);
});

test("who is of another domain, or only says to be somebody, is told why not", async () => {
  for (const [who, why] of [["mallory", /addresses of other\.example are not let in/], ["trent", /does not say that your address is verified/]]) {
    const page = await visit();
    await signIn(page, who);
    await page.getByRole("heading", { name: "This did not sign you in" }).waitFor();
    assert.match(await page.textContent("main"), why);
    assert.deepEqual((await page.context().cookies(office.url)).filter(({ name }) => name.startsWith("indent")), []);
    await page.getByRole("link", { name: "To the sign-in page" }).click();
    await page.getByRole("link", { name: "Sign in with Acme" }).waitFor();
  }
});

test("the answer works once, and not in another browser", async () => {
  const page = await visit();
  const seen = [];
  page.on("request", (request) => {
    if (request.url().includes("/sign-in/callback/")) seen.push(request.url());
  });
  await signIn(page, "ada");
  await choose(page, "acmecorp");
  assert.equal(seen.length, 1);
  for (const again of [page, await visit()]) {
    const answer = await again.goto(seen[0]);
    assert.equal(answer.status(), 400);
    assert.match(await again.textContent("main"), /not begun in this browser/);
  }
  await page.goto("/");
  await page.getByRole("heading", { name: "Inbox" }).waitFor();
});

test("one sees where one is signed in, and ends it", async () => {
  const here = await visit();
  const there = await visit({ userAgent: "Mozilla/5.0 (iPhone; CPU iPhone OS 20_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/20.1 Mobile/15E148 Safari/604.1" });
  for (const page of [here, there]) {
    await signIn(page, "grace");
    await choose(page, "acmecorp");
    await page.getByRole("heading", { name: "Inbox" }).waitFor();
  }
  await here.goto("/account");
  await here.getByRole("button", { name: "End the session in Safari on iPhone" }).click();
  await here.getByText("Safari on iPhone").waitFor({ state: "detached" });
  await there.goto("/");
  await there.getByRole("heading", { name: "Sign in" }).waitFor();
  await here.goto("/account");
  const others = here.getByRole("button", { name: "End all others" });
  if (await others.count()) await others.click();
  await here.getByRole("button", { name: "Sign out of this browser" }).click();
  await here.waitForURL(`${office.url}/sign-in`);
});

test("the operator's link is still there for emergencies", async () => {
  const page = await visit();
  await page.goto("/sign-in");
  await page.getByText("Sign in with a one-time link").click();
  await page.getByLabel("Have one? Paste it").fill(await office.signInLinkOf("olga@acme.example"));
  await page.getByRole("button", { name: "Go on" }).click();
  await page.getByRole("button", { name: /^Sign in as/ }).click();
  await page.getByRole("heading", { name: "Inbox" }).waitFor();
  const text = await account(page);
  assert.match(text, /Signed in by a one-time link/);
  await page.getByRole("link", { name: "Switch…" }).click(); // the operator knows who olga is in either space
  await choose(page, "labs");
  assert.match(await account(page), /Space\s*labs.*Role\s*Owner/s);
});

test("without JavaScript it is the same", async () => {
  const page = await visit({ javaScriptEnabled: false });
  await signIn(page, "ada");
  await choose(page, "acmecorp");
  assert.match(await account(page), /Role\s*Viewer/);
});

for (const width of [390, 1280]) {
  test(`the pages of signing in at ${width} px, in both themes`, async () => {
    const isMobile = width === 390;
    const page = await visit({ viewport: { width, height: isMobile ? 844 : 900 }, isMobile });
    const look = (name) => lookInBothThemes(page, `${name}-${width}`);
    await page.goto("/sign-in");
    await look("sign-in-provider");
    await page.goto("/sign-in/callback/acme?state=x");
    await look("sign-in-failed");
    await signIn(page, "grace");
    await page.getByRole("heading", { name: "Choose a space" }).waitFor();
    await look("space");
    await choose(page, "acmecorp");
    await page.goto("/account");
    await look("account");
  });
}
