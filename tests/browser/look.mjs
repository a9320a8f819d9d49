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
  for (const width of [390, 1280]) {
    await page.setViewportSize({ width, height: width === 390 ? 844 : 900 });
    await lookInBothThemes(page, `${name}-${width}`);
  }
  await sticksOutAt320(page, name);
}

/** The page as it stands, in a window as it is. The second theme changes nothing but colours, so axe is asked about these alone. */
export async function lookInBothThemes(page, name) {
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    await page.screenshot({ path: join(pictures, `${name}-${colorScheme}.png`), fullPage: true });
    await isAccessible(page, `${name}-${colorScheme}`, colorScheme === "dark" ? ["color-contrast"] : []);
  }
  await sticksOut(page, name);
}

/** Nothing that axe calls serious, by all its rules or by these. No page has frames of others, so none is opened to put results together. */
async function isAccessible(page, name, rules) {
  const axe = new AxeBuilder({ page }).setLegacyMode();
  if (rules.length) axe.withRules(rules);
  const { violations, passes } = await axe.analyze();
  assert.ok(passes.length, `axe found nothing to look at on ${name}`);
  const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  assert.deepEqual(serious.map((v) => [v.id, v.help, v.nodes.map((n) => n.html)]), [], name);
}

/** The narrowest phone. */
export async function sticksOutAt320(page, name) {
  await page.setViewportSize({ width: 320, height: 568 });
  await sticksOut(page, name);
}

/** Nothing is wider than the window. A phone zooms out of what is too wide: then its own window is wide as well. */
async function sticksOut(page, name) {
  const wide = await page.evaluate(() => document.documentElement.scrollWidth);
  const { width } = page.viewportSize();
  assert.ok(wide <= width, `${name} is ${wide} px wide in a window of ${width} px`);
}
