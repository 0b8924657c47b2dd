/** Connections that are reset as soon as they are there. */

import { startSite } from "../support/hostile.ts";
import { programLabel } from "../support/program.ts";
import { testPython, testWith } from "../support/require.ts";
import { assert } from "../support/assert.ts";

/** Connects and resets, without end and without waiting; says so after the first 200. */
const ATTACK = `
import socket, struct, sys
count = 0
while True:
    c = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    c.close()
    count += 1
    if count == 200: print("begun", flush=True)
`;
/**
 * An answer takes some milliseconds, and a second more where the kernel dropped the first SYN because
 * the queue of the socket was full. Each client waited for 5 to 48 s when a reset stopped the accepting.
 */
const LONGEST_MS = 4000;

testWith("python", `${programLabel}: connections that are reset cost nobody any time`, async () => {
  await using running = await startSite();
  await running.serveOthers(1);
  const attack = new Deno.Command(testPython, {
    args: ["-c", ATTACK, String(running.port)],
    stdout: "piped",
    stderr: "null",
  }).spawn();
  try {
    const reader = attack.stdout.getReader();
    await reader.read();
    const times: number[] = [];
    for (let n = 0; n < 20; n++) {
      const startedAt = performance.now();
      await running.serveOthers(1);
      times.push(performance.now() - startedAt);
    }
    const slowest = Math.max(...times);
    assert(slowest < LONGEST_MS, `the slowest of 20 answers took ${Math.round(slowest)} ms`);
    await reader.cancel();
  } finally {
    attack.kill("SIGKILL");
    await attack.status;
  }
  await running.assertNothingElse();
});
