// An endpoint that approves who is on call. README.md says how to run it.

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { receiver } from "@indent/api/webhook";

const { INDENT_WEBHOOK_SECRETS = "", SCHEDULE = "schedule.json", PORT = "9000" } = process.env;

/** One claim, when who asks is on call for what they ask for; else none: people decide. */
async function decide(events) {
  const request = events.find(({ event }) => event === "access/request");
  const [petitioner, target, more] = request?.resources ?? [];
  // for somebody else, for several or for more than one thing: not by a schedule
  if (!target || more || petitioner.id !== request.actor?.id) return [];
  const shift = await shiftOf(petitioner, target, new Date());
  if (!shift) return [];
  console.log(`approved ${JSON.stringify(target.id)} for ${JSON.stringify(petitioner.id)}`);
  return [{ event: "access/approve", reason: `on call until ${shift.until}` }];
}

async function shiftOf(person, target, now) {
  const { shifts } = JSON.parse(await readFile(SCHEDULE, "utf8"));
  return shifts.find((shift) => {
    const [from, until] = [new Date(shift.from), new Date(shift.until)];
    // a time that cannot be read is an error, whoever's shift it is: people decide until it is mended
    if (Number.isNaN(from.getTime()) || Number.isNaN(until.getTime())) throw new Error("a shift has no time");
    const covers = shift.for.some(({ kind, id }) => kind === target.kind && id === target.id);
    return covers && shift.who === person.id && from <= now && now < until;
  });
}

const endpoint = receiver({
  secrets: INDENT_WEBHOOK_SECRETS.split(/\s+/).filter(Boolean),
  name: "on-call-decision",
  decide,
  failed: (error) => console.error(`failed: ${error}`),
});

const server = createServer(endpoint.node).listen(Number(PORT), "127.0.0.1", () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}/`);
});
