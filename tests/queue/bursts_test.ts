/**
 * Bursts of tasks from two writers at once: every task starts by its own wake-up. The dispatcher
 * polls once an hour, so that a wake-up that got lost would hang the test.
 */

import { assertEquals } from "../support/assert.ts";
import { NEVER_POLLS, startDispatcher, succeeding } from "../support/dispatcher.ts";
import { testWith } from "../support/require.ts";
import { tempDir } from "../support/temp.ts";
import { until } from "../support/until.ts";

const BURSTS = Number(Deno.env.get("SPOOLER_BURSTS") ?? 50);
const BURST = 50;
const WRITER = new URL("../support/writer.ts", import.meta.url).pathname;

/** A process that puts a burst for every line it is sent, and answers when all are accepted. */
function startWriter(spool: string) {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-all", WRITER, spool, String(BURST)],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const input = child.stdin.getWriter();
  const answers = child.stdout.getReader();
  return {
    async burst(): Promise<void> {
      await input.write(new TextEncoder().encode("\n"));
      const { done } = await answers.read();
      if (done) throw new Error("the writer ended");
    },
    async [Symbol.asyncDispose](): Promise<void> {
      await input.close();
      await answers.cancel();
      await child.status;
    },
  };
}

testWith("libc", `${BURSTS} bursts of 2 × ${BURST} tasks: no wake-up is lost`, async () => {
  await using temp = await tempDir();
  const ran = new Set<string>();
  let runs = 0;
  const dispatcher = await startDispatcher(temp.path, [succeeding(({ task }) => {
    ran.add(task.name);
    runs++;
  })], NEVER_POLLS);
  try {
    await using one = startWriter(temp.path);
    await using two = startWriter(temp.path);
    for (let burst = 1; burst <= BURSTS; burst++) {
      await Promise.all([one.burst(), two.burst()]);
      const expected = burst * 2 * BURST;
      await until(() => ran.size >= expected, `burst ${burst}: ${ran.size} of ${expected} ran`);
    }
  } finally {
    await dispatcher.stop();
  }
  assertEquals([ran.size, runs], [BURSTS * 2 * BURST, BURSTS * 2 * BURST]);
});
