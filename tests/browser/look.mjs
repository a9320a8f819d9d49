// Pictures of a page in both themes, on a phone and on a screen, in test-results/ to be looked at; and what must hold of each.

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { AxeBuilder } from "@axe-core/playwright";

const pictures = fileURLToPath(new URL("test-results/pictures", import.meta.url));
mkdirSync(pictures, { recursive: true });

/** Every picture of the page as it stands; nothing that axe calls serious, nothing that sticks out. */
export async function look(page, name) {
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    for (const width of [390, 1280]) {
      await page.setViewportSize({ width, height: width === 390 ? 844 : 900 });
      await lookOnce(page, `${name}-${width}-${colorScheme}`);
    }
  }
  await page.setViewportSize({ width: 320, height: 568 });
  await sticksOut(page, name);
}

/** One picture of the page as it stands, and what must hold of it. */
export async function lookOnce(page, name) {
  await page.screenshot({ path: join(pictures, `${name}.png`), fullPage: true });
  await sticksOut(page, name);
  const { violations } = await new AxeBuilder({ page }).analyze();
  const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  assert.deepEqual(serious.map((v) => [v.id, v.help, v.nodes.map((n) => n.html)]), [], name);
}

/** Nothing is wider than the window. A phone zooms out of what is too wide: then its own window is wide as well. */
export async function sticksOut(page, name) {
  const wide = await page.evaluate(() => document.documentElement.scrollWidth);
  const { width } = page.viewportSize();
  assert.ok(wide <= width, `${name} is ${wide} px wide in a window of ${width} px`);
}
