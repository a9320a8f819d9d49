// Calls as the server signs them, and what the tests say of them.

import { createHmac } from "node:crypto";

export const SECRET = "a secret of the tests";
export const NOW = new Date("2021-02-25T15:02:10Z");

export const ADA = { id: "ada@example.com", kind: "user" };
export const DB = { id: "db", kind: "database" };
export const ASKED = { event: "access/request", resources: [ADA, DB] };
export const GIVE = {
  event: "access/grant",
  meta: { labels: { "indent.com/time/expires": "2030-01-02T03:04:05Z" } },
  actor: { id: "bob@example.com" },
  resources: [ADA, DB],
};
export const TAKE = { event: "access/revoke", resources: [ADA, DB] };

/** The headers of Standard Webhooks of a call with this body. */
export function signed(body: string | Uint8Array, at = NOW, secret = SECRET): Record<string, string> {
  const stamp = String(Math.floor(at.getTime() / 1000));
  const mac = createHmac("sha256", secret).update(`msg_1.${stamp}.`).update(body).digest("base64");
  return { "Webhook-Id": "msg_1", "Webhook-Timestamp": stamp, "Webhook-Signature": `v1,${mac}` };
}
