// Makes docs/images/petition.png, the picture in the README: node tests/browser/picture.mjs
// It is a picture of a real page of `indent dev`; make it again when the page changes its looks.

import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { reviewer, visitAlone } from "./console.mjs";

const file = fileURLToPath(new URL("../../docs/images/petition.png", import.meta.url));

await visitAlone(async (console) => {
  const { path } = await console.ask({
    reason: "Customer was charged twice for order 88213.\nSupport ticket SUP-4471, checked by phone.",
    resources: [
      {
        kind: "action",
        id: "refund:ch_3Nf81k2eZvKYlo2C",
        displayName: "Refund 1,249.00 EUR to Lena Fischer",
      },
    ],
    defaultDuration: "900s",
    params: {
      charge: "ch_3Nf81k2eZvKYlo2C",
      amount: 124900,
      currency: "eur",
      notify: { email: "lena.fischer@example.com", template: "refund-double-charge" },
      dryRun: false,
    },
  });
  const page = await console.visit(reviewer, { viewport: { width: 1280, height: 890 } });
  await page.goto(path);
  await page.getByText("Live:").waitFor();
  mkdirSync(new URL(".", `file://${file}`), { recursive: true });
  await page.screenshot({ path: file });
});
