// `npm run build`: dist/esm for import, dist/cjs for require, each with its types.

import { spawnSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const compiler = fileURLToPath(new URL("node_modules/typescript/bin/tsc", import.meta.url));

rmSync(`${here}dist`, { recursive: true, force: true });
for (const kind of ["esm", "cjs"]) {
  const command = [compiler, "--project", `tsconfig.${kind}.json`];
  const { status } = spawnSync(process.execPath, command, { cwd: here, stdio: "inherit" });
  if (status !== 0) process.exit(1);
}
// the package's own type is "module": what is in here is not
writeFileSync(`${here}dist/cjs/package.json`, `${JSON.stringify({ type: "commonjs" })}\n`);
