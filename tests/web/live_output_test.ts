/** What runs print, for many readers at once. */

import { outputLine } from "../../src/history/run_output.ts";
import { PosixClaims } from "../../src/spool/claim.ts";
import { SpoolDirectory } from "../../src/spool/directory.ts";
import { HistoryFiles } from "../../src/spool/history_files.ts";
import { PrivateClaims } from "../../src/spool/private_claims.ts";
import { LiveOutput } from "../../src/web/live_output.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";
import { platform } from "../support/platform.ts";
import { tempDir } from "../support/temp.ts";

const FOLLOW_MS = 200;

Deno.test("a run is followed once for all its readers; one that falls behind goes on from the file", async () => {
  await using temp = await tempDir();
  const clock = new FakeClock();
  const { libc } = platform;
  const claims = libc ? new PosixClaims(libc) : new PrivateClaims();
  const spool = new SpoolDirectory({
    ...{ dir: temp.path, fsync: false, claims, libc, clock, random: Math.random },
  });
  const files = new HistoryFiles(spool, `${temp.path}/history`);
  files.program(1);
  const encoder = new TextEncoder();
  files.appendRunning("1", encoder.encode('{"of":"t","func":"","since":0,"slot":null}\n'));
  const print = (from: number, to: number) => {
    const lines = Array.from({ length: to - from + 1 }, (_, at) => {
      return outputLine({ number: from + at, at: 0, stream: "stdout", text: "x" });
    });
    files.appendRunning("1", encoder.encode(lines.join("")));
  };
  let reads = 0;
  const read = files.readRunning.bind(files);
  files.readRunning = (file) => {
    reads++;
    return read(file);
  };
  const live = new LiveOutput(clock);
  const abort = new AbortController();
  const followed = { files, of: { name: "t" }, isRunning: () => true };
  const readers = Array.from({ length: 100 }, () => live.lines(followed, 0, abort.signal));
  const numbers = async (count: number, from = readers) =>
    await Promise.all(from.map(async (reader) => {
      const got: number[] = [];
      while (got.length < count) got.push((await reader.next()).value?.number ?? NaN);
      return got;
    }));
  print(1, 3);
  for (const got of await numbers(3)) assertEquals(got, [1, 2, 3]);
  // To see whose it is, and its lines; the first not again.
  assertEquals([live.size, reads], [1, 2]);

  const [slow, ...quick] = readers;
  assert(slow !== undefined);
  print(4, 5000);
  const quickOnes = numbers(4997, quick.slice(0, 2));
  clock.advance(FOLLOW_MS);
  const all = Array.from({ length: 4997 }, (_, at) => at + 4);
  for (const got of await quickOnes) assertEquals(got, all);
  assertEquals((await numbers(4997, [slow]))[0], all);
  assert(reads <= 6, `${reads} reads`);

  const waiting = readers.slice(0, 3).map((reader) => reader.next());
  abort.abort();
  for (const { done } of await Promise.all(waiting)) assertEquals(done, true);
  for (const reader of readers) await reader.return();
  assertEquals(live.size, 0);
  files.close();
  spool.close();
});
