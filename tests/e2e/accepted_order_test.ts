/** In the log a task is accepted, then started, then done, however fast it is. */

import { join } from "@std/path";
import { encodePacket } from "../../src/wire/packet.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { programLabel } from "../support/program.ts";
import { testWith } from "../support/require.ts";
import { makeSite, portIn } from "../support/site.ts";
import { varsOf } from "../support/store.ts";

const TASKS = 1000;
const PEERS = 16;

/** uWSGI's way: one connection for each task. */
async function send(port: number, n: number): Promise<void> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await connection.write(encodePacket(varsOf({ ud_spool_func: "quick", n: String(n) }), 17));
  const answer = new Uint8Array(4);
  await connection.read(answer);
  assertEquals([...answer], [255, 0, 0, 1]);
}

for (
  const [what, ...ini] of [
    ["a task module", "spooler-import = tasks.mjs"],
    ["a task module, without fsync", "spooler-import = tasks.mjs", "spooler-fsync = false"],
    ["a command", "spooler-task = :", "spooler-processes = 2"],
  ] as const
) {
  testWith(
    "libc",
    `${programLabel}: 1,000 tasks for ${what}: each is accepted before it is started or done`,
    async () => {
      await using site = await makeSite("socket = 127.0.0.1:0", ...ini);
      await Deno.writeTextFile(join(site.dir, "tasks.mjs"), "export const quick = () => {};");
      await using program = await site.start();
      const port = portIn(await program.line(/127\.0\.0\.1:\d+$/));
      let next = 0;
      await Promise.all(
        Array.from({ length: PEERS }, async () => {
          while (next < TASKS) await send(port, next++);
        }),
      );
      await program.line(/quick \S+ done/, TASKS, 120_000);
      assertEquals(await program.stop(), 0);
      const steps = new Map<string, string[]>();
      for (const line of program.log.split("\n")) {
        const [, id, step] = /quick (\S+) (accepted|started|done)/.exec(line) ?? [];
        if (id === undefined || step === undefined) continue;
        steps.set(id, [...steps.get(id) ?? [], step]);
      }
      assertEquals(steps.size, TASKS);
      const wanted = what === "a command" ? "accepted,started,done" : "accepted,done";
      const others = [...steps].filter(([, order]) => order.join() !== wanted);
      assert(others.length === 0, JSON.stringify(others.slice(0, 5)));
    },
  );
}
