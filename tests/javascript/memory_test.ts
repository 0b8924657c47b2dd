/** Memory that the kernel writes to while a worker waits stays the worker's. */

import { assertEquals } from "../support/assert.ts";
import { programLabel } from "../support/program.ts";
import { testWith } from "../support/require.ts";
import { ScriptedMaster } from "../support/scripted_master.ts";

const TASKS = Number(Deno.env.get("SPOOLER_WORKER_TASKS") ?? 3_000);

testWith(
  "libc",
  `${programLabel}: ${TASKS} tasks one at a time, with garbage collected between them, and no death`,
  async () => {
    await using master = await ScriptedMaster.typescript(`
import { Session } from "node:inspector";
const inspector = new Session();
inspector.connect();
let count = 0;
let garbage: unknown;
export function littering() {
  for (let i = 0; i < 200; i++) garbage = [i, new Uint8Array(2000)];
  // A full collection when the worker waits for the next task.
  if (++count % 200 === 0) inspector.post("HeapProfiler.collectGarbage");
}
`);
    for (let done = 0; done < TASKS; done++) {
      const { kind } = await master.run("littering");
      assertEquals(kind, "done", `task ${done}`);
    }
    assertEquals(await master.stop(), 0);
  },
);
