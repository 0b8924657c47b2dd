/**
 * How many tasks a second a journal puts on disk, beside the bare fdatasync of a file that has all its
 * blocks: that is the most that a disk allows at one client, each of whose tasks has a sync of its own.
 *
 *     deno run -A bench/journal.ts [--seconds=1] [--runs=5] [--bytes=120]
 *
 * Each run measures every contestant once; medians are printed. TMPDIR says which file system is used.
 */

import { join } from "@std/path";
import { durableCalls } from "../src/platform/durable_calls.ts";
import { loadLibc } from "../src/platform/libc.ts";
import { PosixClaims } from "../src/spool/claim.ts";
import { Journal, TAIL_CELL } from "../src/spool/journal.ts";
import { Store } from "../src/spool/store.ts";
import { systemClock } from "../src/platform/clock.ts";
import { textVar } from "../src/wire/packet.ts";
import { bareSyncRate, rateOf } from "./bare_sync.ts";
import { median, numberArg, printTable, whole } from "./table.ts";

const seconds = numberArg("seconds", 1);
const runs = numberArg("runs", 5);
const bytes = numberArg("bytes", 120);
const TOGETHER = [1, 8, 64];

const calls = durableCalls();
const libc = loadLibc();
if (calls === null || "unavailable" in libc) throw new Error("this needs libc");

const dir = await Deno.makeTempDir({ prefix: "spooler-bench-" });
const store = await Store.open({
  ...{ dir: join(dir, "spool"), fsync: true, clock: systemClock, random: Math.random, libc },
  claims: new PosixClaims(libc),
  journal: { warn: console.error },
});

const place = store.openJournal();
if (place === null) throw new Error(`${dir} is on a file system on which there is no journal`);
const journal = new Journal(calls, place);
const cells = new Int32Array(place.shared);
let count = 0;

/** Tasks a second, so many of them with one sync. */
async function journalRate(together: number): Promise<number> {
  const parts = [new Uint8Array(bytes)];
  const rate = rateOf(seconds, () => {
    for (let n = 0; n < together; n++) {
      const id = `uwsgi_spoolfile_on_machine_12345_${++count}_1234567890_1234567890_123456`;
      const isTaken = journal.add({ id, dueAt: 0, parts, acceptedLine: null });
      if (!isTaken) throw new Error("the journal is full");
    }
    journal.sync();
    journal.settle();
    // As if their files were on disk.
    Atomics.store(cells, TAIL_CELL, journal.position | 0);
  });
  await store.finishJournal();
  return rate * together;
}

/** Tasks a second that an event loop accepts, so many of them on their way. */
async function storeRate(together: number): Promise<number> {
  const vars = [
    textVar("ud_spool_func", "x"),
    textVar("text", "x".repeat(Math.max(0, bytes - 40))),
  ];
  const endAt = performance.now() + seconds * 1000;
  const startedAt = performance.now();
  let tasks = 0;
  await Promise.all(Array.from({ length: together }, async () => {
    while (performance.now() < endAt) {
      await store.put({ vars });
      tasks++;
    }
  }));
  return tasks / (performance.now() - startedAt) * 1000;
}

const results = new Map<string, number[]>();
const note = (name: string, rate: number) => results.set(name, [...results.get(name) ?? [], rate]);
for (let run = 0; run < runs; run++) {
  note("bare fdatasync", bareSyncRate(dir, seconds));
  for (const together of TOGETHER) {
    note(`journal, ${together} a sync`, await journalRate(together));
    note(`store, ${together} on their way`, await storeRate(together));
  }
  for (const { name } of Deno.readDirSync(join(dir, "spool"))) {
    if (name.startsWith("uwsgi_")) Deno.removeSync(join(dir, "spool", name));
  }
  await store.finishJournal();
}
const bare = median(results.get("bare fdatasync") ?? []);
printTable([
  ["tasks a second", "median", "to the bare fdatasync"],
  ...[...results].map(([name, rates]) => {
    const rate = median(rates);
    return [name, whole(rate), (rate / bare).toFixed(2)];
  }),
]);
store.close();
await Deno.remove(dir, { recursive: true });
