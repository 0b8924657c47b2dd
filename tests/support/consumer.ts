/**
 * A process that works through a spool as the program does, but whose tasks cost next to nothing:
 * each run appends the task's name to a ledger. Arguments: SPOOL LEDGER [OTHER_LEDGER].
 * With OTHER_LEDGER the first run waits until another consumer has written there, so that of two
 * consumers, whatever their speed, both have a share. Ends at SIGTERM, when no task runs.
 */

import { startDispatcher, succeeding } from "./dispatcher.ts";
import { until } from "./until.ts";

const [spool, ledger, other] = Deno.args;
if (spool === undefined || ledger === undefined) throw new TypeError("needs SPOOL LEDGER [OTHER]");

function sizeOf(path: string): number {
  try {
    return Deno.statSync(path).size;
  } catch {
    return 0;
  }
}

const encoder = new TextEncoder();
const out = Deno.openSync(ledger, { append: true, create: true });
let first = other !== undefined;
const executor = succeeding(async ({ task }) => {
  out.writeSync(encoder.encode(`${task.name}\n`));
  if (first && other !== undefined) {
    first = false;
    await until(() => sizeOf(other) > 0, `${other} stays empty`);
  }
});

const { promise: stopped, resolve: stop } = Promise.withResolvers<void>();
Deno.addSignalListener("SIGTERM", stop);
const dispatcher = await startDispatcher(spool, [executor]);
console.error("ready");
await stopped;
await dispatcher.stop();
out.close();
Deno.exit(0);
