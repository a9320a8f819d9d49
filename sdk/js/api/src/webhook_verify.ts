/** How far the time of a call may be from the receiver's, either way, in seconds. */
export const TOLERANCE = 300;

/** The most signatures that a call may have: each is tried with each secret, over the whole body. */
const MAX_SIGNATURES = 16;

/** The call is not the server's, or too old. The message says which part is wrong, and never what would be right. */
export class SignatureError extends Error {
  override readonly name = "SignatureError";
}

/** The headers of a request: those of `fetch`, or an object such as that of `node:http`. The case of names does not matter. */
export type CallHeaders = Headers | Readonly<Record<string, string | readonly string[] | undefined>>;

export interface VerifyOptions {
  /** The webhook's public keys (`whpk_…`), for receivers that are not to be able to sign. */
  publicKeys?: readonly string[];
  /**
   * Take `X-Indent-Timestamp` and `X-Indent-Signature`, too, where a call has only these. They cover no `webhook-id`: whoever has
   * seen a call can take the other headers off and send it again within the 5 minutes as one that was never seen.
   */
  acceptOriginal?: boolean;
  /** The time; default: the machine's. */
  now?: Date;
}

/**
 * Resolves to the body when one of the secrets or keys has signed the call within 5 minutes; rejects with a {@link SignatureError}
 * otherwise. Use the body that it resolves to: then a forgotten `await` cannot let an unverified call in.
 *
 * It takes Standard Webhooks (`webhook-id`, `webhook-timestamp`, `webhook-signature` with `v1`, and `v1a` with `publicKeys`).
 * Comparisons take the same time whatever is wrong. Within the 5 minutes a call can be sent again: `webhook-id` is the same each time.
 *
 * @param secrets Those of the webhook as the server showed them: one, or two during a rotation. Without any, and without
 *   `publicKeys`, no call is taken.
 * @param headers Of the request.
 * @param body Of the request, as it came, as bytes or text: written again from JSON it would be another one.
 *
 * @example
 * ```js
 * const text = await verify([process.env.WEBHOOK_SECRET], request.headers, await request.text());
 * const call = JSON.parse(text);
 * ```
 */
export async function verify<Body extends string | Uint8Array>(
  secrets: readonly string[],
  headers: CallHeaders,
  body: Body,
  options: VerifyOptions = {},
): Promise<Body> {
  if (!isList(secrets) || !isList(options.publicKeys ?? [])) {
    throw new TypeError("secrets and publicKeys are lists of texts: write [secret]");
  }
  const sent = readerOf(headers);
  const now = Math.floor((options.now ?? new Date()).getTime() / 1000);
  const standard = sent("webhook-signature") || sent("webhook-id");
  if (options.acceptOriginal && !standard) {
    await verifyOriginal(secrets, sent, body, now);
  } else {
    await verifyStandard(secrets, options.publicKeys ?? [], sent, body, now);
  }
  return body;
}

type Reader = (name: string) => string;
type Bytes = Uint8Array<ArrayBuffer>;

async function verifyStandard(
  secrets: readonly string[],
  publicKeys: readonly string[],
  sent: Reader,
  body: string | Uint8Array,
  now: number,
): Promise<void> {
  const [id, stamp] = [sent("webhook-id"), sent("webhook-timestamp")];
  if (!id && sent("x-indent-signature")) {
    throw new SignatureError("webhook-id is missing, and X-Indent-Signature alone is not taken (acceptOriginal)");
  }
  if (!id) throw new SignatureError("webhook-id is missing");
  if (!/^-?[0-9]{1,18}$/.test(stamp)) throw new SignatureError("webhook-timestamp is not Unix seconds");
  if (!inTime(Number(stamp), now)) throw new SignatureError("webhook-timestamp is more than 5 minutes from now");
  const signatures = sent("webhook-signature").split(/\s+/).filter(Boolean);
  if (signatures.length > MAX_SIGNATURES) {
    throw new SignatureError(`webhook-signature has more than ${MAX_SIGNATURES} signatures`);
  }
  const signed = bytesOf(`${id}.${stamp}.`, body);
  for (const signature of signatures) {
    const [version, text = ""] = cut(signature, ",");
    const mac = fromBase64(text);
    if (version === "v1" && mac && (await signedByUs(secrets, mac, signed, standardKey))) return;
    if (version === "v1a" && mac && (await signedByKey(publicKeys, mac, signed))) return;
  }
  throw new SignatureError("none of the signatures in webhook-signature is made with a secret or key of this webhook");
}

async function verifyOriginal(
  secrets: readonly string[],
  sent: Reader,
  body: string | Uint8Array,
  now: number,
): Promise<void> {
  const stamp = sent("x-indent-timestamp");
  if (!stamp) {
    throw new SignatureError("it is not signed: there is neither webhook-signature nor X-Indent-Signature");
  }
  const at = instantOf(stamp);
  if (!at) throw new SignatureError("X-Indent-Timestamp is not a time of RFC 3339");
  if (!inTime(at.getTime() / 1000, now)) throw new SignatureError("X-Indent-Timestamp is more than 5 minutes from now");
  const mac = fromHex(sent("x-indent-signature"));
  if (!mac || !(await signedByUs(secrets, mac, bytesOf(`v0:${stamp}:`, body), bytesOf))) {
    throw new SignatureError("X-Indent-Signature is not made with a secret of this webhook");
  }
}

/**
 * Whether one of the secrets has made the HMAC. All are tried, so that the time does not tell which. Web Crypto compares: engines
 * do it in constant time, in native code, which no optimiser of JavaScript rewrites.
 */
async function signedByUs(
  secrets: readonly string[],
  mac: Bytes,
  signed: Bytes,
  keyOf: (secret: string) => Bytes,
): Promise<boolean> {
  let found = false;
  for (const secret of secrets) {
    if (secret === "" || secret === "whsec_") continue; // anybody could sign with it
    const algorithm = { name: "HMAC", hash: "SHA-256" };
    const key = await crypto.subtle.importKey("raw", keyOf(secret), algorithm, false, ["verify"]);
    found = (await crypto.subtle.verify("HMAC", key, mac, signed)) || found;
  }
  return found;
}

async function signedByKey(publicKeys: readonly string[], signature: Bytes, signed: Bytes): Promise<boolean> {
  for (const text of publicKeys) {
    const raw = fromBase64(text.replace(/^whpk_/, ""));
    if (raw?.length !== 32) continue;
    const key = await crypto.subtle.importKey("raw", raw, { name: "Ed25519" }, false, ["verify"]);
    if (await crypto.subtle.verify("Ed25519", key, signature, signed)) return true;
  }
  return false;
}

/** What stands behind whsec_; a secret that is written otherwise is taken as it is. */
function standardKey(secret: string): Bytes {
  const key = secret.startsWith("whsec_") ? fromBase64(secret.slice("whsec_".length)) : undefined;
  return key?.length ? key : bytesOf(secret);
}

/** Finds a header whatever the case of its name; "" when it is not there. */
export function readerOf(headers: CallHeaders): Reader {
  if (typeof headers.get === "function") {
    return (name) => (headers as Headers).get(name) ?? "";
  }
  const byName = new Map<string, string>();
  for (const [name, value] of Object.entries(headers)) {
    const texts = [byName.get(name.toLowerCase()), value].flat().filter((text) => text !== undefined);
    // what is sent twice is joined as RFC 9110, 5.3 has it: no signature fits then
    if (texts.length) byName.set(name.toLowerCase(), texts.join(", "));
  }
  return (name) => byName.get(name) ?? "";
}

function isList(value: unknown): boolean {
  return Array.isArray(value) && value.every((text) => typeof text === "string");
}

function inTime(at: number, now: number): boolean {
  return Math.abs(now - at) <= TOLERANCE;
}

const TIME = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:Z|([+-])(\d\d):(\d\d))$/;

/** A time of RFC 3339; undefined for any other text. `Date.parse` alone takes many, and the 30th of February. */
export function instantOf(text: string): Date | undefined {
  const parts = TIME.exec(text);
  if (!parts) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts.slice(1, 7).map(Number);
  const at = new Date(`${text.slice(0, 19)}.${(parts[7] ?? "").slice(0, 3).padEnd(3, "0")}Z`);
  const real = at.getUTCFullYear() === year && at.getUTCMonth() + 1 === month && at.getUTCDate() === day;
  const [zoneHour, zoneMinute] = [Number(parts[9] ?? 0), Number(parts[10] ?? 0)];
  if (!real || hour > 23 || minute > 59 || second > 59 || zoneHour > 23 || zoneMinute > 59) return undefined;
  const east = (parts[8] === "-" ? -1 : 1) * (zoneHour * 60 + zoneMinute);
  return new Date(at.getTime() - east * 60_000);
}

/** The texts and bytes one behind the other. */
function bytesOf(...parts: readonly (string | Uint8Array)[]): Bytes {
  const encoder = new TextEncoder();
  return joined(parts.map((part) => (typeof part === "string" ? encoder.encode(part) : part)));
}

export function joined(parts: readonly Uint8Array[]): Bytes {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function cut(text: string, at: string): [string, string?] {
  const place = text.indexOf(at);
  return place < 0 ? [text] : [text.slice(0, place), text.slice(place + at.length)];
}

/** Base64 with its padding and nothing else in it; `atob` alone takes more. */
function fromBase64(text: string): Bytes | undefined {
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text)) return undefined;
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

function fromHex(text: string): Bytes | undefined {
  if (!/^(?:[0-9a-fA-F]{2})+$/.test(text)) return undefined;
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}
