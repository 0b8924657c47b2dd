/**
 * A huge spool beside a small one: when the first task starts, how fast it drains, how much memory
 * that takes. The handler does nothing.
 *
 *     deno run -A bench/scale.ts [--tasks=1000000] [--small=10000] [--runs=3]
 *
 * The small spool is drained `runs` times (medians), the huge one once. TMPDIR says which file
 * system is used; a million files want a million inodes and 4 GB.
 */

import { join } from "node:path";
import { fillSpool } from "../tests/support/fill.ts";
import { type Drained, drainOnce } from "./drain_once.ts";
import { median, numberArg, printTable, whole } from "./table.ts";

const huge = numberArg("tasks", 1_000_000);
const small = numberArg("small", 10_000);
const runs = numberArg("runs", 3);

async function measure(count: number): Promise<Drained> {
  const dir = await Deno.makeTempDir({ prefix: "spooler-bench-" });
  try {
    const spool = join(dir, "spool");
    fillSpool(spool, count);
    return await drainOnce(spool, count, "none");
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

const few: Drained[] = [];
for (let run = 0; run < runs; run++) few.push(await measure(small));
const many = await measure(huge);

const smallRate = 1000 * small / median(few.map(({ drainMs }) => drainMs));
const hugeRate = 1000 * huge / many.drainMs;
const smallPeak = median(few.flatMap(({ peakMiB }) => peakMiB ?? []));
printTable([
  ["tasks", "first starts after", "tasks/s", "peak memory"],
  [
    whole(small),
    `${whole(median(few.map(({ firstMs }) => firstMs)))} ms`,
    whole(smallRate),
    `${smallPeak} MiB`,
  ],
  [whole(huge), `${whole(many.firstMs)} ms`, whole(hugeRate), `${many.peakMiB ?? "?"} MiB`],
]);
console.log(
  `rate of the huge spool: ${(100 * hugeRate / smallRate).toFixed(0)} % of the small one's`,
);
