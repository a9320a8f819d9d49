// A real OpenID Connect provider (panva's oidc-provider, which is certified) and a server that signs
// people in with it. The provider's own pages ask for a name and take any password.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Provider from "oidc-provider";
import { program, run } from "./setup.mjs";

/** Whom the provider knows, by the name that one types. */
export const people = {
  ada: { email: "ada@acme.example", email_verified: true, name: "Ada Lovelace", groups: ["everybody"] },
  grace: { email: "grace@acme.example", email_verified: true, name: "Grace Hopper", groups: ["everybody", "eng-admins"] },
  alan: { email: "alan@acme.example", email_verified: true, name: "Alan Turing", groups: ["everybody"] },
  mallory: { email: "mallory@other.example", email_verified: true, name: "Mallory", groups: ["eng-admins"] },
  trent: { email: "ada@acme.example", email_verified: false, name: "Trent", groups: [] },
};

async function listen(server) {
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server.address().port;
}

/** Start a provider that takes back browsers to `redirect`. */
export async function startProvider(redirect) {
  const server = createServer();
  const issuer = `http://127.0.0.1:${await listen(server)}`;
  const { warn, info } = console;
  console.warn = console.info = () => {}; // it says at length that its defaults are for development
  const provider = new Provider(issuer, {
    clients: [{ client_id: "indent", client_secret: "browser-test-secret", redirect_uris: [redirect], grant_types: ["authorization_code"] }],
    claims: { email: ["email", "email_verified"], profile: ["name"], groups: ["groups"] },
    scopes: ["openid", "email", "profile", "groups"],
    pkce: { required: () => true },
    cookies: { keys: ["browser-tests"] },
    findAccount: (_, id) => people[id] && { accountId: id, claims: () => ({ sub: id, ...people[id] }) },
  });
  Object.assign(console, { warn, info });
  server.on("request", provider.callback());
  return { issuer, close: () => new Promise((resolve) => { server.closeAllConnections(); server.close(resolve); }) };
}

/**
 * Start a server with two spaces that trusts the provider; gives its address, signInLinkOf(address) and close().
 * With `named` it is known as localhost, where browsers have passkeys. `settings` are more lines of its settings file.
 */
export async function startOffice({ named = false, settings = "" } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "indent-office-"));
  const free = createServer();
  const port = await listen(free);
  await new Promise((resolve) => free.close(resolve));
  const host = named ? "localhost" : "127.0.0.1";
  const url = `http://${host}:${port}`;
  const provider = await startProvider(`${url}/sign-in/callback/acme`);
  const config = join(folder, "indent.yaml");
  writeFileSync(config, `addr: ${host}:${port}
${settings}database: ${join(folder, "indent.db")}
log_format: text
log_level: warn
sign_in:
  providers:
    - name: acme
      display_name: Acme
      issuer: ${provider.issuer}
      client_id: indent
      client_secret_env: ACME_SECRET
      spaces: [acmecorp, labs]
      scopes: [openid, email, profile, groups]
      allowed_domains: [acme.example]
      groups_claim: groups
      group_roles: {eng-admins: Editor}
`);
  const admin = (command, space, flag, who) => run(folder, ["admin", command, "--config", config, "--space", space, flag, who]);
  await admin("init", "acmecorp", "--owner", "olga@acme.example");
  await admin("init", "labs", "--owner", "olga@acme.example");
  const server = spawn(program, ["serve", "--config", config], { cwd: folder, env: { ...process.env, ACME_SECRET: "browser-test-secret" } });
  let said = "";
  server.stderr.on("data", (chunk) => (said += chunk));
  const ended = new Promise((resolve) => server.once("close", resolve));
  const close = async () => {
    server.kill("SIGTERM");
    await ended;
    await provider.close();
    rmSync(folder, { recursive: true, force: true });
  };
  for (let tries = 0; ; tries += 1) {
    const ready = await fetch(`${url}/readyz`).then((answer) => answer.ok, () => false);
    if (ready) break;
    if (tries > 200) {
      await close();
      throw new Error(`the server does not start: ${said}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const signInLinkOf = (who, space = "acmecorp") => admin("link", space, "--email", who);
  return { url, issuer: provider.issuer, signInLinkOf, close };
}

/** What a person does at the provider's pages: says who one is, agrees. */
export async function signInAs(page, who) {
  await page.getByPlaceholder("Enter any login").fill(who);
  await page.getByPlaceholder("and password").fill("any");
  await page.getByRole("button", { name: "Sign-in" }).click();
  const agree = page.getByRole("button", { name: "Continue" });
  await agree.or(page.getByRole("main")).first().waitFor();
  if (await agree.isVisible()) await agree.click();
}
