// Every page in both themes, on a phone and on a screen: nothing that axe calls serious, nothing that
// sticks out, and a picture of each in test-results/ to be looked at.

import assert from "node:assert/strict";
import test from "node:test";
import { owner, reviewer, startConsole } from "./console.mjs";
import { look, lookInBothThemes, sticksOutAt320 } from "./look.mjs";

const console = startConsole();

const production = { kind: "environment", id: "production", displayName: "Production" };
const refund = {
  reason: "Customer was charged twice for order 88213.\nSupport ticket SUP-4471, checked by phone.",
  resources: [{ kind: "action", id: "refund:ch_3Nf81k2eZvKYlo2C", displayName: "Refund 1,249.00 EUR to Lena Fischer" }],
  defaultDuration: "900s",
  params: {
    charge: "ch_3Nf81k2eZvKYlo2C",
    amount: 124900,
    currency: "eur",
    notify: { email: "lena.fischer@example.com", template: "refund-double-charge" },
    dryRun: false,
  },
};
const long = {
  reason: `${"A reason of many words. ".repeat(60)}\n\n${"without-a-blank-".repeat(40)}`,
  resources: [...Array(12)].map((_, n) => ({ kind: "database", id: `shard-${n}-${"x".repeat(200)}`, displayName: `Shard ${n} ${"long ".repeat(30)}` })),
  params: Object.fromEntries([...Array(40)].map((_, n) => [`key_${n}_${"k".repeat(60)}`, "v".repeat(300)])),
};

let pages;

/** Every page that there is, as [name, who looks, how to get there]. */
async function everyPage() {
  const at = async (petition, event, reason) => {
    const { name, path } = await console.ask(petition);
    if (event) await console.claim(name, event, reason);
    return path;
  };
  const granted = await at({ reason: "checkout is slow, need to look at the pods", resources: [production] }, "access/approve");
  const denied = await at({ reason: "try the new importer", resources: [production] }, "access/deny", "Use staging: it has a copy from last night.");
  const tooLong = await at(long);
  const open = await at(refund);
  await settle();
  const go = (path) => (page) => page.goto(path);
  return [
    ["sign-in-without-link", null, go("/sign-in")],
    ["sign-in-wrong-link", null, go("/sign-in?link=nonsense")],
    ["sign-in", null, async (page) => page.goto(await console.server.signInLinkOf(reviewer))],
    ["inbox", reviewer, go("/")],
    ["petition", reviewer, go(open)],
    ["petition-own", owner, go(open)],
    ["petition-long", reviewer, go(tooLong)],
    ["petition-granted", reviewer, go(granted)],
    ["petition-denied", reviewer, go(denied)],
    ["petition-refused", reviewer, refused(open)],
    ["petition-revoke", reviewer, async (page) => {
      await page.goto(granted);
      await page.getByText("Revoke…").click();
    }],
    ["api-keys", owner, go("/api-keys")],
    ["api-keys-token", owner, async (page) => {
      await page.goto("/api-keys");
      await page.getByRole("button", { name: "Create token" }).click();
      await page.getByText("Reveal", { exact: true }).click();
    }],
    ["settings", owner, go("/settings")],
    ["settings-changing", owner, async (page) => {
      await page.goto("/settings");
      await page.getByText("Add a person").click();
      await page.locator("summary", { hasText: "Change" }).first().click();
    }],
    ["settings-reader", reviewer, go("/settings")],
    ["settings-refused", owner, async (page) => {
      await page.goto("/settings");
      const row = page.locator(".member", { hasText: "lena.fischer" });
      await row.locator("summary").click();
      await row.locator("[name=identity]:not([type=hidden])").fill("no address");
      await row.getByRole("button", { name: "Link", exact: true }).click();
      await page.getByRole("alert").waitFor();
    }],
    ["settings-done", owner, async (page) => {
      await page.goto("/settings");
      const row = page.locator(".member", { hasText: "lena.fischer" });
      await row.locator("summary").click();
      await row.getByRole("button", { name: /^Change$/ }).click();
      await page.getByText("Done: the member has the new role.").first().waitFor();
    }],
    ["groups", owner, go("/groups")],
    ["groups-make", owner, async (page) => {
      await page.goto("/groups");
      await page.getByText("Make a group").click();
      await page.getByLabel("Name by it").fill("no blanks");
      await page.getByRole("button", { name: "Make" }).click();
      await page.getByRole("alert").waitFor();
    }],
    ["group", owner, go("/groups/engineering")],
    ["group-reader", reviewer, go("/groups/on-call")],
    ["group-refused", owner, async (page) => {
      await page.goto("/groups/on-call");
      await page.getByLabel("Put in").fill("nobody-of-this-name");
      await page.getByRole("button", { name: "Add" }).click();
      await page.getByRole("alert").waitFor();
    }],
    ["grants", owner, go("/grants")],
    ["grants-none", owner, go("/grants?person=nobody@acmecorp.example&at=2020-01-02T03:04")],
    ["grants-revoke", reviewer, async (page) => {
      await page.goto("/grants");
      await page.getByLabel("Resource").fill("production");
      await page.getByRole("button", { name: "Show" }).click();
      await page.getByRole("link", { name: "Revoke these…" }).click();
      await page.getByRole("button", { name: "Revoke all of it" }).waitFor();
    }],
    ["policy", owner, go("/policy")],
    ["policy-reader", reviewer, go("/policy")],
    ["policy-tried", owner, async (page) => {
      await page.goto("/policy");
      await page.getByLabel("Reason").fill("to restart the importer");
      await page.getByLabel("Kind of what is asked for").fill("environment");
      await page.getByLabel("Its id").fill("production");
      await page.getByRole("button", { name: "Try", exact: true }).click();
      await page.getByText("dev-review").first().waitFor();
    }],
    ["policy-version", owner, go("/policy/versions/1")],
    ["policy-edit", owner, go("/policy/edit")],
    ["policy-edit-wrong", owner, async (page) => {
      await page.goto("/policy/edit");
      await page.getByLabel("The whole document").fill("version: 1\nrules:\n  - name: all\n    require: {reviewers: {roles: [Boss]}}\n  - name: two\n    deny: {}\n");
      await page.getByRole("button", { name: "Check" }).click();
      await page.getByText("there is no role").first().waitFor();
    }],
    ["space-make", owner, async (page) => {
      await page.goto("/account/space");
      await page.getByText("Make another space").click();
    }],
    ["account-mine", owner, go("/account")],
    ["account-away", owner, async (page) => {
      await page.goto("/account");
      await page.getByText("Name a deputy").click();
      await page.getByLabel("Address of your deputy").fill("nobody@example.com");
      await page.getByLabel("Last day").fill("2030-01-09");
      await page.getByRole("button", { name: "Name the deputy" }).click();
      await page.getByRole("alert").waitFor();
    }],
    ["device", owner, go("/device")],
    ["device-wrong", owner, async (page) => {
      await page.goto("/device");
      await page.getByLabel("Code").fill("BBBB-BBBB");
      await page.getByRole("button", { name: "Go on" }).click();
      await page.getByRole("alert").waitFor();
    }],
    ["device-asks", owner, asksToBeLetIn({ client: "indent", host: "ada-laptop", scope: "petitions:read petitions:create" })],
    ["device-allowed", owner, async (page) => {
      await asksToBeLetIn({ client: "x".repeat(100), host: "h".repeat(100) })(page);
      await page.getByRole("button", { name: "Allow" }).click();
    }],
    ["authorize", owner, go(`/authorize?${new URLSearchParams({ client: "indent", host: "ada-laptop", redirect_uri: "http://127.0.0.1:40123/callback",
      state: "s", code_challenge: "c".repeat(43), code_challenge_method: "S256" })}`)],
    ["api-keys-service-account", owner, async (page) => {
      await page.goto("/api-keys");
      const bot = page.getByRole("article", { name: "Service account quickstart" });
      await bot.getByText("Make a token").click();
      await bot.getByLabel("What it is for").fill(`nightly ${"x".repeat(60)}`);
      await bot.getByRole("button", { name: "Make token" }).click();
      await page.getByText("Reveal", { exact: true }).click();
      await bot.getByText("Make a token").click();
      await bot.getByText("Suspend or delete").click();
      await page.getByText("Make a service account").click();
    }],
    ["api-keys-trust", owner, async (page) => {
      await page.goto("/api-keys");
      const bot = page.getByRole("article", { name: "Service account quickstart" });
      await trust(bot, "https://token.actions.githubusercontent.com", "sub=repo:acme/app:environment:production");
      await page.getByText("Done: tokens of that issuer").first().waitFor();
    }],
    ["api-keys-trust-refused", owner, async (page) => {
      await page.goto("/api-keys");
      const bot = page.getByRole("article", { name: "Service account quickstart" });
      await trust(bot, "https://token.actions.githubusercontent.com", "sub=repo:*");
      await bot.getByRole("alert").waitFor();
    }],
    ["webhooks", owner, go("/webhooks")],
    ["webhooks-refused", owner, async (page) => {
      await page.goto("/webhooks");
      await page.getByText("Add a webhook").click();
      await page.getByLabel("Name by it").fill("roles");
      await page.getByLabel("URL an https").fill("http://example.com/");
      await page.getByRole("button", { name: "Add" }).click();
      await page.getByRole("alert").waitFor();
    }],
    ["webhook-secret", owner, async (page) => {
      await page.goto(hook);
      await page.getByText("Rotate the secret").click();
      await page.getByRole("button", { name: "Make another secret" }).click();
      await page.getByText("Reveal", { exact: true }).click();
      await page.getByText("Change it").click();
      await page.getByText("Delete it").click();
    }],
    ["webhook-tested", owner, async (page) => {
      await page.goto(hook);
      await page.getByRole("button", { name: "Test it" }).click();
      await page.getByRole("heading", { name: "What came back" }).waitFor();
      await page.getByText(/^The call/).click();
    }],
    ["directory", owner, go("/directory")],
    ["directory-refused", owner, async (page) => {
      await page.goto("/directory");
      await page.getByText("Let a webhook fill it").click();
      await page.getByLabel("Name the names").fill("roles");
      await page.getByLabel("Kinds to ask for").fill("role");
      await page.getByLabel("Schedule optional").fill("* * * * *");
      await page.getByRole("button", { name: "Add" }).click();
      await page.getByRole("alert").waitFor();
    }],
    ["directory-policy", owner, async (page) => {
      await page.goto("/directory/roles");
      await page.getByText("Change it", { exact: true }).click();
      await page.getByText("Delete it", { exact: true }).click();
    }],
    ["not-found", owner, go("/access/acmecorp/none")],
  ];
}

/** Let an outside issuer stand for a service account, by its form. */
async function trust(bot, issuer, claims) {
  await bot.getByText("Trust an outside issuer").click();
  await bot.getByLabel("Issuer").fill(issuer);
  await bot.getByLabel("Required claims").fill(claims);
  await bot.getByRole("button", { name: "Trust it" }).click();
}

/** A webhook at an address where nobody is. */
const hook = "/webhooks/postgres-roles";

/** Groups with people in them, a webhook, and people with long names. */
async function settle() {
  const { INDENT_API_TOKEN: token, INDENT_SPACE: space } = console.server.reviewer;
  const call = async (method, path, body) => {
    const answer = await fetch(`${console.url}/v1/spaces/${space}${path}`, {
      method, body: JSON.stringify(body), headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
    });
    assert.equal(answer.status, 200, await answer.text());
  };
  await call("PUT", "/resources/on-call", { resource: { kind: "group", id: "on-call", displayName: "On call" } });
  await call("PUT", "/resources/engineering", { resource: { kind: "okta/group", id: "engineering", displayName: `Engineering ${"and friends ".repeat(8)}` } });
  await call("PUT", "/resources/on-call/members", { members: [{ id: reviewer }, { id: "quickstart" }] });
  await call("PUT", "/resources/engineering/members", { members: [{ id: owner }, { id: "on-call", kind: "group" }] });
  await call("POST", "/webhooks", {
    webhook: {
      name: "postgres-roles", displayName: `Roles of PostgreSQL ${"and more ".repeat(12)}`, url: `https://127.0.0.1:1/${"long/".repeat(60)}`,
      headers: { Authorization: { credential: "Bearer abc" }, "X-Team": { value: "platform-".repeat(20) } }, labels: { team: "core" },
    },
  });
  await call("PUT", "/pullPolicies/roles", {
    pullPolicy: {
      displayName: `Roles of PostgreSQL ${"and more ".repeat(12)}`, webhook: "postgres-roles", kinds: ["postgres-role", "k".repeat(120)], schedule: "CRON_TZ=Europe/Berlin 30 7 * * MON-FRI",
      flags: { cluster: "c".repeat(200) }, labels: { "indent.com/requestable": "true" }, takeLabels: ["description"],
      base: { selector: { matchLabels: { tier: "a" } }, conditions: ["resource.id != 'postgres'"] },
    },
  });
  await call("PUT", "/resources:pullUpdate", { policy: "roles" });
  const page = await console.visit(owner);
  for (const [address, name, role] of [["lena.fischer@example.com", "Lena Fischer", "Auditor"], [`${"long".repeat(14)}@${"sub.".repeat(10)}example.com`, "N".repeat(120), "Petition Admin"]]) {
    await page.goto("/settings");
    await page.getByText("Add a person").click();
    await page.getByLabel("Address", { exact: true }).fill(address);
    await page.getByLabel("Name optional").fill(name);
    await page.locator("#add-role").selectOption(role);
    await page.getByRole("button", { name: "Add", exact: true }).first().click();
    await page.waitForURL("**/settings#members");
  }
  const day = 24 * 3600 * 1000;
  for (const ahead of [0, 30]) {
    const on = (days) => new Date(Date.now() + days * day).toISOString().slice(0, 10);
    const fields = { do: "create", deputy: `${"long".repeat(14)}@${"sub.".repeat(10)}example.com`, reason: ahead ? `${"on leave ".repeat(20)}` : "",
      first: ahead ? on(ahead) : "", last: on(ahead + 7) };
    const status = await page.evaluate(async (form) => (await fetch("/account/delegations", { method: "POST", body: new URLSearchParams(form) })).status, fields);
    assert.equal(status, 200);
  }
  const row = page.locator(".member", { hasText: "lena.fischer" });
  await row.locator("summary").click();
  await row.locator("[name=identity]:not([type=hidden])").fill("slack:T01ACME/U024BE7LH");
  await row.getByRole("button", { name: "Link", exact: true }).click();
  await page.waitForURL("**/settings#members");
  await row.locator("summary").click();
  await row.getByRole("button", { name: "Suspend" }).click();
  await page.waitForURL("**/settings#members");
  await page.context().close();
}

/** A program asks, and the person has entered its code. */
function asksToBeLetIn(asked) {
  return async (page) => {
    const headers = { "content-type": "application/json" };
    const answer = await fetch(`${console.url}/v1/auth/device`, { method: "POST", headers, body: JSON.stringify(asked) });
    const { userCode } = await answer.json();
    await page.goto(`/device?user_code=${userCode}`);
    await page.getByRole("button", { name: "Go on" }).click();
    await page.getByRole("button", { name: "Allow" }).waitFor();
  };
}

/** A press that comes with another digest than the page's. */
function refused(path) {
  return async (page) => {
    await page.goto(path);
    await page.locator("form.decide [name=digest]").evaluate((field) => (field.value = `sha256:${"0".repeat(64)}`));
    await page.getByLabel("Reason").fill("looks right to me");
    await page.getByRole("button", { name: "Approve" }).click();
    await page.getByRole("alert").waitFor();
  };
}

test("the empty inbox teaches", async () => {
  const page = await console.visit(owner);
  await page.goto("/");
  await page.getByText("No petitions yet.").waitFor();
  await look(page, "inbox-empty");
  await page.context().close();
});

for (const width of [390, 1280]) {
  test(`every page at ${width} px, in both themes`, async (t) => {
    pages ??= await everyPage();
    for (const [name, who, open] of pages) {
      await t.test(name, async () => {
        const isMobile = width === 390;
        const page = await console.visit(who, { viewport: { width, height: isMobile ? 844 : 900 }, isMobile });
        await open(page);
        await lookInBothThemes(page, `${name}-${width}`);
        if (isMobile) await sticksOutAt320(page, name);
        await page.context().close();
      });
    }
  });
}

test("the buttons keep their order and their place", async () => {
  const places = [];
  for (let n = 0; n < 2; n += 1) {
    const { path } = await console.ask({ resources: [production], reason: "same every time" });
    const page = await console.visit(reviewer, { viewport: { width: 390, height: 844 }, isMobile: true });
    await page.goto(path);
    const approve = await page.getByRole("button", { name: "Approve" }).boundingBox();
    const deny = await page.getByRole("button", { name: "Deny" }).boundingBox();
    assert.ok(approve.x < deny.x && approve.y === deny.y);
    places.push(approve, deny);
  }
  assert.deepEqual(places.slice(0, 2), places.slice(2));
});
