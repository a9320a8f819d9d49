// What must not happen in a real browser: other sites pressing our buttons, texts becoming markup,
// pages framed, anything run that is not ours. Violations of the content security policy and
// dialogs fail whatever file they happen in (see console.mjs).

import assert from "node:assert/strict";
import { createServer } from "node:http";
import test from "node:test";
import { owner, reviewer, startConsole } from "./console.mjs";

const console = startConsole();

/** A site of somebody else, on another port, that serves one page. */
async function otherSite(t, html) {
  const server = createServer((request, response) => {
    response.setHeader("content-type", "text/html");
    response.end(html);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  return `http://localhost:${server.address().port}/`;
}

test("another site's form decides nothing, even from a signed-in browser", async (t) => {
  const { name, path, digest } = await console.ask();
  const evil = await otherSite(
    t,
    `<form method="post" action="${console.url}${path}">
       <input name="claim" value="access/approve"><input name="digest" value="${digest}">
       <input name="duration" value="1h0m0s"><button>Win</button></form>`,
  );
  const page = await console.visit(reviewer);
  // Lax would keep the cookie at home; the refusal must not depend on that
  const [cookie] = await page.context().cookies();
  await page.context().addCookies([{ ...cookie, sameSite: "Lax" }]);
  await page.goto(evil);
  const [answer] = await Promise.all([
    page.waitForResponse((response) => response.url().includes(path)),
    page.getByRole("button").click(),
  ]);
  assert.equal(answer.status(), 403);
  assert.match(await page.textContent("main"), /another site/);
  assert.equal((await console.petition(name)).state.status.phase, "open");
});

test("the console is never shown inside another page", async (t) => {
  const evil = await otherSite(t, `<iframe src="${console.url}/sign-in"></iframe>`);
  const page = await console.visit();
  const expected = console.violations.length;
  await page.goto(evil);
  const frame = page.frames()[1];
  await frame.waitForLoadState().catch(() => {});
  assert.equal(await frame.locator("main").count(), 0);
  console.violations.length = expected; // the browser tells that it refused, which is the point
});

test("texts stay texts, in every field and on every page", async () => {
  const script = `"><script>alert(1)</script><img src=x onerror=alert(2)><svg onload=alert(3)>`;
  const { path, name } = await console.ask({
    reason: `${script} שלום {{constructor.constructor('alert(4)')()}}`,
    resources: [
      {
        kind: script,
        id: `javascript:alert(5)//${script}`,
        displayName: script,
        email: "a'onmouseover=alert(6)@b.example",
        altIds: [script],
        labels: { [script]: script, icon: "javascript:alert(7)" },
      },
    ],
    params: { [`</pre>${script}`]: `</code></pre>${script}`, nested: [{ "": script }] },
    meta: { labels: { note: script }, displayName: script },
  });
  const page = await console.visit(reviewer);
  for (const address of ["/", path]) {
    await page.goto(address);
    await page.getByText("Live:").waitFor();
    assert.equal(await page.locator("main script, main img, main svg, main [onload]").count(), 0);
    assert.ok((await page.textContent("main")).includes("<script>alert(1)</script>"));
  }
  await page.getByLabel("Reason").fill(script);
  await page.getByRole("button", { name: "Deny" }).click();
  await page.getByRole("heading", { name: "Denied" }).waitFor();
  await page.goto("/");
  await page.locator(`#row-${name}`).waitFor();
  assert.deepEqual(console.violations, []);
});

test("what hides is shown", async () => {
  const { path } = await console.ask({
    reason: "send it to раypal",
    params: { to: "ad\u2800min" },
  });
  const page = await console.visit(reviewer);
  await page.goto(path);
  assert.equal(await page.locator(".mixed").first().getAttribute("title"), "This word mixes Latin and Cyrillic letters");
  assert.equal(await page.locator(".params .odd").textContent(), "U+2800");
});

test("looking decides nothing: HEAD, prefetch and a link preview", async () => {
  const { name, path } = await console.ask();
  const page = await console.visit(owner);
  for (const query of ["", "?claim=access/approve", "?claim=access%2Fdeny&digest=x"]) {
    for (const method of ["HEAD", "GET"]) {
      await page.context().request.fetch(path + query, { method, headers: { "sec-purpose": "prefetch" } });
    }
  }
  assert.equal((await console.petition(name)).state.status.phase, "open");
});

test("pages load nothing from anywhere else", async () => {
  const { path } = await console.ask();
  const page = await console.visit(reviewer);
  const elsewhere = [];
  page.on("request", (request) => {
    if (!request.url().startsWith(console.url)) elsewhere.push(request.url());
  });
  for (const address of ["/", path, "/api-keys", "/docs", "/sign-in", "/nothing"]) await page.goto(address);
  assert.deepEqual(elsewhere, []);
});
