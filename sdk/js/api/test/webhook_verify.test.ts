// Which calls are taken for the server's. The cases are those of every client: spec/webhook/vectors.json.

import { readFileSync } from "node:fs";
import { describe, expect, it, vi } from "vitest";
import { SignatureError, verify } from "../src/webhook.js";
import { NOW, SECRET, signed } from "./signed.js";

interface Case {
  name: string;
  secrets: string[];
  publicKeys?: string[];
  acceptOriginal?: boolean;
  now: string;
  headers: Record<string, string>;
  body: string;
  ok: boolean;
}

const vectors = new URL("../../../../spec/webhook/vectors.json", import.meta.url);
const cases = (JSON.parse(readFileSync(vectors, "utf8")) as { verify: Case[] }).verify;

function check(c: Case, headers: Headers | Record<string, string> = c.headers) {
  const { publicKeys = [], acceptOriginal = false } = c;
  return verify(c.secrets, headers, c.body, { publicKeys, acceptOriginal, now: new Date(c.now) });
}

describe("the cases of every client", () => {
  it("are of both kinds", () => {
    expect(cases.length).toBeGreaterThan(40);
    expect(new Set(cases.map((c) => c.ok)).size).toBe(2);
  });

  it.each(cases)("$name", async (c) => {
    for (const headers of [c.headers, new Headers(c.headers)]) {
      if (c.ok) {
        expect(await check(c, headers)).toBe(c.body);
        continue;
      }
      const refused = await check(c, headers).catch((error: unknown) => error);
      expect(refused).toBeInstanceOf(SignatureError);
      for (const secret of c.secrets.filter((s) => s.length > 6)) {
        expect((refused as Error).message).not.toContain(secret);
      }
    }
  });
});

describe("verify", () => {
  it("refuses an old call by the machine's clock", async () => {
    await expect(verify(cases[0]!.secrets, cases[0]!.headers, cases[0]!.body)).rejects.toThrow("5 minutes");
    const now = new Date();
    expect(await verify([SECRET], signed("{}", now), "{}")).toBe("{}");
  });

  it("resolves to the bytes it was given", async () => {
    const body = new Uint8Array([0xff, 0x00, 0x80]);
    expect(await verify([SECRET], signed(body), body, { now: NOW })).toBe(body);
    const other = new Uint8Array([0xff, 0x00, 0x81]);
    await expect(verify([SECRET], signed(body), other, { now: NOW })).rejects.toThrow(SignatureError);
  });

  it("takes one secret for no list of its letters", async () => {
    await expect(verify(SECRET as unknown as string[], signed(""), "", { now: NOW })).rejects.toThrow(TypeError);
    const undefinedSecret = [process.env["NO_SUCH_SECRET"]] as string[];
    await expect(verify(undefinedSecret, signed(""), "", { now: NOW })).rejects.toThrow(TypeError);
  });

  it("takes headers as node:http and frameworks have them", async () => {
    const sent = signed("{}");
    const lower = Object.fromEntries(Object.entries(sent).map(([name, value]) => [name.toLowerCase(), value]));
    await verify([SECRET], { ...lower, cookie: undefined, "set-cookie": ["a", "b"] }, "{}", { now: NOW });
    await verify([SECRET], { ...sent, "Webhook-Signature": [sent["Webhook-Signature"]!] }, "{}", { now: NOW });
  });

  it("takes no id and no time that is there twice", async () => {
    const sent = signed("{}");
    for (const name of ["Webhook-Id", "Webhook-Timestamp"]) {
      const twice = { ...sent, [name.toLowerCase()]: sent[name]! };
      await expect(verify([SECRET], twice, "{}", { now: NOW }), name).rejects.toThrow(SignatureError);
      const other = { ...sent, [name]: ["1", sent[name]!] };
      await expect(verify([SECRET], other, "{}", { now: NOW }), name).rejects.toThrow(SignatureError);
    }
  });

  it("compares with Web Crypto, with every secret, whichever fits", async () => {
    const compared = vi.spyOn(crypto.subtle, "verify");
    for (const secrets of [["first", SECRET, "last"], [SECRET, "x", "y"], ["x", "y", "z"]]) {
      compared.mockClear();
      await verify(secrets, signed("{}"), "{}", { now: NOW }).catch(() => undefined);
      expect(compared).toHaveBeenCalledTimes(3);
    }
    compared.mockRestore();
  });

  it.each([
    ["2021-02-25T15:02:10Z", true],
    ["2021-02-25T15:02:10.123456789Z", true],
    ["2021-02-25T16:32:10+01:30", true],
    ["2021-02-25T13:02:10-02:00", true],
    ["2021-02-30T15:02:10Z", false],
    ["2021-02-25T24:00:00Z", false],
    ["2021-02-25T15:02:60Z", false],
    ["2021-02-25 15:02:10Z", false],
    ["2021-02-25T15:02:10", false],
    ["2021-02-25T15:02:10.Z", false],
    ["2021-02-25T15:02:10+24:00", false],
    ["Thu, 25 Feb 2021 15:02:10 GMT", false],
  ])("reads the original's time %s: %s", async (stamp, ok) => {
    const { createHmac } = await import("node:crypto");
    const mac = createHmac("sha256", SECRET).update(`v0:${stamp}:{}`).digest("hex");
    const headers = { "X-Indent-Timestamp": stamp, "X-Indent-Signature": mac };
    const verified = verify([SECRET], headers, "{}", { acceptOriginal: true, now: NOW });
    if (ok) await verified;
    else await expect(verified).rejects.toThrow("not a time of RFC 3339");
  });
});
