// What a receiver answers to calls that are the server's, and to others.

import { createServer, request as httpRequest } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { MAX_BODY, type ReceiverOptions, Status, type Update, receiver } from "../src/webhook.js";
import { ADA, ASKED, DB, GIVE, NOW, SECRET, TAKE, signed } from "./signed.js";

type Functions = Omit<ReceiverOptions, "secrets">;

async function ask(functions: Functions, call: unknown): Promise<[number, any]> {
  const body = JSON.stringify(call);
  const answer = await receiver({ secrets: [SECRET], ...functions }).handle(signed(body), body, NOW);
  return [answer.status, JSON.parse(answer.body)];
}

const OK = { code: 0 };

describe("a receiver", () => {
  it("says what it can", async () => {
    const every: Functions = { name: "all", apply() {}, pull: () => [], decide: () => [], state: () => ({ access: false }) };
    const capabilities = ["GetInfo", "PullUpdate", "GetDecision", "ApplyUpdate", "GetState"];
    expect(await ask(every, { info: true })).toEqual([200, { status: { ...OK, details: [{ name: "all", capabilities }] } }]);
    const none = { status: { ...OK, details: [{ name: "", capabilities: ["GetInfo"] }] } };
    expect(await ask({}, { info: true })).toEqual([200, none]);
  });

  it("applies grants and revokes", async () => {
    const updates: Update[] = [];
    const apply = async (update: Update) => void updates.push(update);
    expect(await ask({ apply }, { events: [ASKED, GIVE] })).toEqual([200, { status: OK }]);
    expect(await ask({ apply }, { events: [ASKED, GIVE, TAKE] })).toEqual([200, { status: OK }]);
    const [granted, revoked] = updates;
    expect(granted).toMatchObject({ id: "msg_1", grant: true, user: ADA, target: DB, command: GIVE });
    expect(granted?.expires?.toISOString()).toBe("2030-01-02T03:04:05.000Z");
    expect(granted?.events).toHaveLength(2);
    expect(revoked).toMatchObject({ grant: false, expires: null, command: TAKE });
  });

  it("lists, at once or one after the other", async () => {
    const listed = [200, { status: OK, resources: [{ id: "x1", kind: "role" }] }];
    const call = { kinds: ["x"], flags: { a: "1" } };
    expect(await ask({ pull: (kinds, flags) => [{ id: kinds[0]! + flags["a"], kind: "role" }] }, call)).toEqual(listed);
    async function* pull() {
      yield { id: "x1", kind: "role" };
    }
    expect(await ask({ pull }, call)).toEqual(listed);
    // a list that was forgotten is none that is empty: all would be taken for gone
    expect((await ask({ pull: (() => undefined) as any }, call))[0]).toBe(500);
  });

  it("decides, or leaves it to people", async () => {
    const claim = { event: "access/approve", reason: "on call" } as const;
    expect(await ask({ decide: () => [claim] }, { events: [ASKED] })).toEqual([200, { status: OK, claims: [claim] }]);
    expect(await ask({ decide: async () => undefined }, { events: [ASKED] })).toEqual([200, { status: OK, claims: [] }]);
  });

  it("tells who has access", async () => {
    const call = { state: { resources: [ADA, DB] } };
    const expires = new Date("2030-01-02T03:04:05Z");
    const state: Functions["state"] = (user, target) => ({ access: user.id === ADA.id && target.id === DB.id, expires });
    const has = { status: OK, access: true, expireTime: "2030-01-02T03:04:05.000Z" };
    expect(await ask({ state }, call)).toEqual([200, has]);
    expect(await ask({ state: () => ({ access: false }) }, call)).toEqual([200, { status: OK, access: false }]);
    for (const access of [undefined, null, 0, "no"]) {
      // what is no answer must not be read as "no access"
      expect((await ask({ state: () => ({ access }) as any }, call))[0]).toBe(500);
    }
    for (const bad of [true, {}, { resources: [ADA] }, { resources: [ADA, DB, DB] }, { resources: ["ada", "db"] }]) {
      expect((await ask({ state }, { state: bad }))[1].status.code).toBe(3);
    }
    expect((await ask({}, call))[1].status.code).toBe(12);
  });

  it("says what it cannot do, and hides what is nobody's business", async () => {
    const told: unknown[] = [];
    const functions: Functions = {
      apply() {
        throw new Status(5, "no such role");
      },
      async decide() {
        throw new Error("password of the database");
      },
      failed: (error) => void told.push(error),
    };
    expect(await ask(functions, { events: [GIVE] })).toEqual([500, { status: { code: 5, message: "no such role" } }]);
    const [status, answer] = await ask(functions, { events: [ASKED] });
    expect([status, answer.status.code]).toEqual([500, 2]);
    expect(JSON.stringify(answer)).not.toContain("password");
    expect(told.map(String)).toEqual(["Error: password of the database"]);
  });

  it.each([
    [{ kinds: [] }, 12],
    [{}, 12],
    [{ info: 1 }, 12],
    [{ events: [] }, 12],
    [{ events: ["x"] }, 3],
    [{ events: {} }, 3],
    [[], 3],
    [null, 3],
    [{ events: [GIVE, ASKED] }, 3],
    [{ events: [{ ...GIVE, resources: [ADA] }] }, 3],
    [{ events: [{ ...GIVE, resources: [ADA, DB, DB] }] }, 3],
    [{ events: [{ ...GIVE, resources: null }] }, 3],
    [{ events: [{ ...GIVE, meta: { labels: { "indent.com/time/expires": "tomorrow" } } }] }, 3],
    [{ events: [{ ...GIVE, meta: { labels: { "indent.com/time/expires": 1893553445 } } }] }, 3],
  ])("answers %j with the code %i and does nothing", async (call, code) => {
    const never = () => {
      throw new Error("it was called");
    };
    const [status, answer] = await ask({ apply: never }, call);
    expect([status, answer.status.code]).toEqual([500, code]);
  });

  it("takes no body that is not JSON in UTF-8", async () => {
    for (const body of ["{", "", '{"info":true} x', new Uint8Array([0x22, 0xff, 0x22])]) {
      const { body: text } = await receiver({ secrets: [SECRET] }).handle(signed(body), body, NOW);
      expect(JSON.parse(text).status.code).toBe(3);
    }
  });

  it("does nothing for somebody else", async () => {
    const told: unknown[] = [];
    const endpoint = receiver({
      secrets: [SECRET],
      apply: () => void told.push("it was done"),
      failed: (error) => void told.push(error),
    });
    const body = JSON.stringify({ events: [GIVE] });
    for (const headers of [{}, signed(body, NOW, "another"), signed(`${body} `), { "X-Indent-Signature": "00" }]) {
      const answer = await endpoint.handle(headers, body, NOW);
      expect([answer.status, JSON.parse(answer.body).status.code]).toEqual([401, 16]);
    }
    expect(told.map((error) => (error as Error).name)).toEqual(Array(4).fill("SignatureError"));
  });

  it("answers the same when its log is broken", async () => {
    const failed = () => {
      throw new Error("the disk is full");
    };
    expect((await receiver({ secrets: [SECRET], failed }).handle({}, "{}")).status).toBe(401);
  });

  it("takes the original way only when told", async () => {
    const { createHmac } = await import("node:crypto");
    const [body, stamp] = ['{"info":true}', "2021-02-25T15:02:10Z"];
    const mac = createHmac("sha256", SECRET).update(`v0:${stamp}:${body}`).digest("hex");
    const headers = { "X-Indent-Timestamp": stamp, "X-Indent-Signature": mac };
    const told = receiver({ secrets: [SECRET], acceptOriginal: true });
    expect((await told.handle(headers, body, NOW)).status).toBe(200);
    expect((await receiver({ secrets: [SECRET] }).handle(headers, body, NOW)).status).toBe(401);
  });

  it("wants lists of texts, and codes that are errors", () => {
    for (const secrets of ["secret", [undefined], undefined]) {
      expect(() => receiver({ secrets: secrets as any })).toThrow(TypeError);
    }
    for (const code of [0, 17, 2.5]) expect(() => new Status(code, "fine")).toThrow(RangeError);
  });
});

describe("on node:http", () => {
  const open: { close(): void }[] = [];
  afterEach(() => open.splice(0).forEach((server) => server.close()));

  async function listen(functions: Functions): Promise<string> {
    const endpoint = receiver({ secrets: [SECRET], ...functions });
    const server = createServer(endpoint.node);
    open.push({ close: () => void (server.close(), server.closeAllConnections()) });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  }

  it("answers calls", async () => {
    const url = await listen({ name: "größer" });
    const body = '{"info":true}';
    const answer = await fetch(url, { method: "POST", body, headers: signed(body, new Date()) });
    expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "application/json"]);
    expect(((await answer.json()) as any).status.details[0].name).toBe("größer");
    expect((await fetch(url)).status).toBe(401);
  });

  it("takes a body in pieces, of every byte", async () => {
    const kinds: string[] = [];
    const url = await listen({ pull: (of) => (kinds.push(...of), []) });
    const bytes = new TextEncoder().encode(JSON.stringify({ kinds: ["größe", "x".repeat(300_000)] }));
    const answer = await new Promise<number>((resolve, reject) => {
      const call = httpRequest(url, { method: "POST", headers: signed(bytes, new Date()) }, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      });
      call.on("error", reject);
      call.write(bytes.subarray(0, 15)); // in the middle of the ß
      setImmediate(() => call.end(bytes.subarray(15)));
    });
    expect([answer, kinds[0], kinds[1]?.length]).toEqual([200, "größe", 300_000]);
  });

  it("answers a body that is too large without reading it to the end", async () => {
    const url = await listen({});
    const said = await new Promise<string>((resolve, reject) => {
      let text = "";
      const call = httpRequest(url, { method: "POST" }, (response) => {
        response.setEncoding("utf8").on("data", (part: string) => (text += part));
        response.on("end", () => resolve(`${response.statusCode} ${text}`));
      });
      call.on("error", reject);
      call.write(Buffer.alloc(MAX_BODY));
      call.write("x"); // and no end
    });
    expect(said).toContain('500 {"status":{"code":3');
  });

  it("lives on when a caller leaves in the middle", async () => {
    const url = await listen({});
    const call = httpRequest(url, { method: "POST", headers: { "content-length": 100 } });
    const left = new Promise((resolve) => call.on("error", resolve));
    call.write("half", () => call.destroy(new Error("left")));
    await left;
    expect((await fetch(url)).status).toBe(401);
  });
});

describe("on fetch", () => {
  const endpoint = receiver({ secrets: [SECRET] });

  it("answers a Request with a Response", async () => {
    const body = '{"info":true}';
    const call = new Request("http://here/", { method: "POST", body, headers: signed(body, new Date()) });
    const answer = await endpoint.fetch(call);
    expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "application/json"]);
    expect(((await answer.json()) as any).status.code).toBe(0);
    expect((await endpoint.fetch(new Request("http://here/"))).status).toBe(401);
  });

  it("stops at a body that is too large, and bears one that breaks off", async () => {
    let pulled = 0;
    let cancelled = false;
    const endless = new ReadableStream<Uint8Array>({
      pull: (to) => (pulled++, to.enqueue(new Uint8Array(1 << 20))),
      cancel: () => void (cancelled = true),
    });
    const broken = new ReadableStream<Uint8Array>({ pull: (to) => to.error(new Error("gone")) });
    for (const body of [endless, broken]) {
      const call = new Request("http://here/", { method: "POST", body, duplex: "half" } as RequestInit);
      const answer = await endpoint.fetch(call);
      expect([answer.status, ((await answer.json()) as any).status.code]).toEqual([500, 3]);
    }
    expect(cancelled).toBe(true);
    expect(pulled).toBeLessThan(16);
  });
});
