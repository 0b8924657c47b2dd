/**
 * A huge spool beside a small one: when the first task starts, how fast it drains, how much memory
 * that takes, and how long it takes to list it. The handler does nothing. Beside it, in the same run,
 * the bare file system and uWSGI's Python spooler.
 *
 *     deno run -A bench/scale.ts [--tasks=1000000] [--small=10000] [--runs=3]
 *
 * The small spools are drained `runs` times (medians), the huge ones once. TMPDIR says which file
 * system is used; a million files want a million inodes and 4 GB.
 */

import { join } from "@std/path";
import { fillSpool } from "../tests/support/fill.ts";
import { type Drained, drainOnce } from "./drain_once.ts";
import { drainWithUwsgi, hasUwsgi } from "./programs.ts";
import { drainRawFiles } from "./raw_files.ts";
import { median, numberArg, printTable, whole } from "./table.ts";

const huge = numberArg("tasks", 1_000_000);
const small = numberArg("small", 10_000);
const runs = numberArg("runs", 3);

type Measured = Pick<Drained, "drainMs"> & Partial<Drained>;

interface Contestant {
  readonly name: string;
  drain(dir: string, spool: string, count: number): Measured | Promise<Measured>;
}

const ours: Contestant = {
  name: "spooler, function inside the program",
  drain: (_dir, spool, count) => drainOnce(spool, count, "none"),
};

const contestants: Contestant[] = [
  {
    name: "file system: open, read, unlink",
    drain: (_dir, spool) => ({ drainMs: drainRawFiles(spool) }),
  },
  ...(hasUwsgi()
    ? [{
      name: "uWSGI, Python spooler",
      drain: async (dir: string) => ({ drainMs: await drainWithUwsgi({ dir, processes: 1 }) }),
    }]
    : []),
  ours,
];

async function inSpool<T>(
  count: number,
  act: (dir: string, spool: string) => T | Promise<T>,
): Promise<T> {
  const dir = await Deno.makeTempDir({ prefix: "spooler-bench-" });
  try {
    const spool = join(dir, "spool");
    fillSpool(spool, count);
    return await act(dir, spool);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

/** Milliseconds of `spooler list`, whose output nobody reads. */
async function listOnce(spool: string): Promise<number> {
  const main = new URL("../main.ts", import.meta.url).pathname;
  const startedAt = performance.now();
  const args = ["run", "-A", "--quiet", main, "list", "--dir", spool];
  const { success } = await new Deno.Command(Deno.execPath(), {
    args,
    stdout: "null",
    stderr: "null",
  }).output();
  if (!success) throw new Error("list failed");
  return performance.now() - startedAt;
}

const rows: string[][] = [];
for (const { name, drain } of contestants) {
  const few: Measured[] = [];
  for (let run = 0; run < runs; run++) {
    few.push(await inSpool(small, (dir, spool) => drain(dir, spool, small)));
  }
  const many = await inSpool(huge, (dir, spool) => drain(dir, spool, huge));
  const smallRate = 1000 * small / median(few.map(({ drainMs }) => drainMs));
  const hugeRate = 1000 * huge / many.drainMs;
  rows.push([
    name,
    whole(smallRate),
    whole(hugeRate),
    `${(100 * hugeRate / smallRate).toFixed(0)} %`,
    many.firstMs === undefined ? "" : `${whole(many.firstMs)} ms`,
    many.peakMiB ? `${many.peakMiB} MiB` : "",
  ]);
}
const listMs = await inSpool(huge, (_dir, spool) => listOnce(spool));

if (!hasUwsgi()) console.log("uWSGI with its python3 plugin is not installed: left out");
const [few, many] = [whole(small), whole(huge)];
printTable([
  ["tasks a second", few, many, "ratio", `first of ${many} after`, "peak memory"],
  ...rows,
]);
console.log(`spooler list of ${many} tasks: ${(listMs / 1000).toFixed(1)} s`);
