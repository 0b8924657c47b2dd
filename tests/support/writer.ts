/**
 * A process that puts a burst of tasks for every line on its stdin, all at once, and answers with a
 * line when all are accepted. Arguments: SPOOL COUNT. Ends with its stdin.
 */

import { systemClock } from "../../src/platform/clock.ts";
import { Store } from "../../src/spool/store.ts";
import { platform } from "./platform.ts";

const [spool, count] = Deno.args;
if (spool === undefined || count === undefined) throw new TypeError("needs SPOOL COUNT");
// Without syncs a burst is as dense as it can be.
const store = await Store.open({
  dir: spool,
  fsync: false,
  clock: systemClock,
  random: Math.random,
  ...platform,
});
for await (const _line of Deno.stdin.readable) {
  const tasks = Array.from({ length: Number(count) }, () => store.put({ vars: [] }));
  await Promise.all(tasks);
  await Deno.stdout.write(new TextEncoder().encode("\n"));
}
