/** The log of the running program, as programs read it. */

import { assert, assertEquals } from "../support/assert.ts";
import { programLabel, spooler } from "../support/program.ts";
import { makeSite } from "../support/site.ts";

Deno.test(`${programLabel}: log-json makes every line an object with its time and type`, async () => {
  await using site = await makeSite("log-json = true", 'spooler-task = echo "say \\"it\\""');
  await using program = await site.start(/"program.ready"/);
  await spooler(["push", "--dir", site.spool, "ud_spool_func=talk"]);
  await program.line(/"task.settled"/);
  assertEquals(await program.stop(), 0);
  const events = program.log.split("\n").map((line) => JSON.parse(line));
  assert(events.every(({ time }) => new Date(time).toISOString() === time));
  const output = events.find(({ type }) => type === "task.output");
  assertEquals([output.func, output.stream, output.line], ["talk", "stdout", 'say "it"']);
  assertEquals(events.find(({ type }) => type === "task.settled").fate, { kind: "done" });
  assertEquals(events.at(-1).type, "program.stopped");
});
