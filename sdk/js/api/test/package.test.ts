// The package as somebody installs it: what is in it, import and require, its types, and the programs of its README.

import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const user = mkdtempSync(join(tmpdir(), "indent-js-"));
let packed: string[] = [];

beforeAll(() => {
  execFileSync("npm", ["run", "--silent", "build"], { cwd: root });
  const told = execFileSync("npm", ["pack", "--json", "--pack-destination", user], { cwd: root, encoding: "utf8" });
  const said = JSON.parse(told) as { filename: string; files: { path: string }[] }[];
  packed = said[0]!.files.map((file) => file.path);
  const home = join(user, "node_modules/@indent/api");
  mkdirSync(home, { recursive: true });
  execFileSync("tar", ["xzf", join(user, said[0]!.filename), "--strip-components=1", "-C", home]);
}, 120_000);

afterAll(() => rmSync(user, { recursive: true, force: true }));

function run(name: string, text: string): string {
  writeFileSync(join(user, name), text);
  const env = { ...process.env, NODE_NO_WARNINGS: "1" };
  return execFileSync(process.execPath, [name], { cwd: user, encoding: "utf8", env, timeout: 60_000 });
}

describe("the package", () => {
  it("has what it needs and nothing else", () => {
    const other = packed.filter((path) => !/^dist\/(esm|cjs)\/[a-z_]+\.(js|d\.ts)$/.test(path)).sort();
    expect(other).toEqual(["LICENSE", "README.md", "dist/cjs/package.json", "package.json"]);
    expect(packed).toContain("dist/esm/webhook.d.ts");
    const { dependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    expect(dependencies).toBeUndefined();
  });

  it("is imported and required", () => {
    const names = "Code,MAX_BODY,SignatureError,Status,TOLERANCE,receiver,verify";
    const esm = 'import * as all from "@indent/api/webhook"; console.log(Object.keys(all).sort().join())';
    expect(run("esm.mjs", esm).trim()).toBe(names);
    const cjs = 'const all = require("@indent/api/webhook"); console.log(Object.keys(all).sort().join())';
    expect(run("cjs.cjs", cjs).trim()).toBe(names);
  });

  it("has types for both", () => {
    cpSync(join(root, "node_modules/@types"), join(user, "node_modules/@types"), { recursive: true });
    cpSync(join(root, "node_modules/undici-types"), join(user, "node_modules/undici-types"), { recursive: true });
    const program = `
      import { createServer } from "node:http";
      import { type Update, Status, receiver, verify } from "@indent/api/webhook";
      const endpoint = receiver({ secrets: ["s"], apply(u: Update) { if (u.grant) throw new Status(5, u.target.id); } });
      createServer(endpoint.node).close();
      export const fetched: Promise<Response> = endpoint.fetch(new Request("http://here/"));
      export const text: Promise<string> = verify(["s"], {}, "");
      // @ts-expect-error: one secret is no list
      receiver({ secrets: "s" });
      // @ts-expect-error: nothing is no answer
      receiver({ secrets: ["s"], state() {} });
    `;
    for (const name of ["types.mts", "types.cts"]) writeFileSync(join(user, name), program);
    const options = ["--noEmit", "--strict", "--module", "nodenext", "--target", "es2022", "--types", "node"];
    const compiler = join(root, "node_modules/typescript/bin/tsc");
    // its output is what is wrong
    const said = execFileSync(process.execPath, [compiler, ...options, "types.mts", "types.cts"], { cwd: user, encoding: "utf8" });
    expect(said).toBe("");
  }, 60_000);

  it("does what its README shows", () => {
    const readme = readFileSync(join(root, "README.md"), "utf8");
    const programs = [...readme.matchAll(/^```js\n(.*?)^```/gms)].map((found) => found[1]!);
    expect(programs.length).toBeGreaterThan(2);
    programs.forEach((program, n) => {
      const shown = [...program.matchAll(/console\.log\(.*\/\/ (.*)$/gm)].map((found) => found[1]!);
      expect(shown.length, program).toBeGreaterThan(0);
      expect(run(`readme${n}.mjs`, program).trim().split("\n")).toEqual(shown);
    });
  }, 60_000);
});
