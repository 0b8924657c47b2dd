/**
 * Every ratio of docs/performance.md in one run, the worst first, beside what the page says.
 *
 *     SPOOLER_EXECUTABLE=dist/spooler deno task bench:all           # at most ten minutes
 *     SPOOLER_EXECUTABLE=dist/spooler deno task bench:all --short   # what CI runs
 *
 * The short form fails when a ratio is at less than half of what the page says of it, in the best of three
 * runs: what is slow three times is not slow by chance. TMPDIR says which file system is used beside tmpfs.
 */

import { bestOf, type MeasuredRatio, ratiosIn, readPage, tooLow } from "./ratios.ts";
import { printTable } from "./table.ts";

const PAGE = new URL("../docs/performance.md", import.meta.url);
const RUNS_BEFORE_FAILURE = 3;

interface Bench {
  readonly name: string;
  readonly script: string;
  readonly args: readonly string[];
  /** Its files are in memory. */
  readonly onTmpfs?: boolean;
}

const drain = (processes: number, onTmpfs = false): Bench => ({
  name: `drain, ${onTmpfs ? "tmpfs" : "disk"}`,
  script: "drain.ts",
  args: ["--tasks=50000", "--runs=1", `--processes=${processes}`, "--only=at a time"],
  onTmpfs,
});

const LONG: readonly Bench[] = [
  ...[drain(1), drain(2), drain(1, true), drain(2, true)],
  { name: "commands", script: "commands.ts", args: ["--commands=1000", "--runs=3"] },
  { name: "door, tmpfs", script: "door.ts", args: ["--tasks=10000", "--runs=1"], onTmpfs: true },
  { name: "door, disk", script: "door.ts", args: ["--tasks=10000", "--runs=1"] },
  { name: "TCP", script: "network.ts", args: ["--tasks=4000", "--runs=1", "--compare"] },
  { name: "Python worker", script: "python.ts", args: ["--runs=1"] },
  { name: "journal", script: "journal.ts", args: ["--runs=1"] },
  { name: "forwarding", script: "forward_turns.ts", args: ["--tasks=20000", "--runs=1"] },
  {
    name: "light",
    script: "light.ts",
    args: ["--only=start,short,nothing,deferred,list", "--starts=10", "--huge=200000"],
  },
];

const SHORT: readonly Bench[] = [
  {
    name: "drain, tmpfs",
    script: "drain.ts",
    args: ["--tasks=5000", "--runs=1", "--only=, 1 at a time$"],
    onTmpfs: true,
  },
  {
    name: "commands",
    script: "commands.ts",
    args: ["--commands=200", "--runs=1", "--processes=1", "--warm-up=300"],
    onTmpfs: true,
  },
  ...(hasCompiler()
    ? [{
      name: "door, tmpfs",
      script: "door.ts",
      args: ["--tasks=3000", "--runs=1", "--clients=8"],
      onTmpfs: true,
    }]
    : []),
];

/** The clients of the door are in C. */
function hasCompiler(): boolean {
  try {
    return new Deno.Command("cc", { args: ["--version"], stdout: "null" }).outputSync().success;
  } catch {
    return false;
  }
}

async function measure({ name, script, args, onTmpfs = false }: Bench): Promise<MeasuredRatio[]> {
  const path = new URL(script, import.meta.url).pathname;
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-all", path, ...args],
    env: { SPOOLER_BENCH: "json", ...(onTmpfs ? { TMPDIR: "/dev/shm" } : {}) },
    stdout: "piped",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(`${script}: ${new TextDecoder().decode(stderr)}`);
  const lines = new TextDecoder().decode(stdout).split("\n");
  const tables = lines.filter((line) => line.startsWith("[[")).map((line) => JSON.parse(line));
  return tables.flatMap((rows) => ratiosIn(name, rows as string[][]));
}

const isShort = Deno.args.includes("--short");
const form = isShort ? "short" : "long";
const page = readPage(await Deno.readTextFile(PAGE));
const measured: MeasuredRatio[] = [];
const low: MeasuredRatio[] = [];
for (const bench of isShort ? SHORT : LONG) {
  let best: MeasuredRatio[] = [];
  for (let run = 0; run < (isShort ? RUNS_BEFORE_FAILURE : 1); run++) {
    best = bestOf([best, await measure(bench)]);
    if (tooLow(best, page, form).length === 0) break;
  }
  measured.push(...best);
  low.push(...tooLow(best, page, form));
}
const said = new Map(page.map((each) => [each.name, each[form]]));
printTable([
  ["", "measured", "the page", "of that"],
  ...measured.toSorted((a, b) => a.value - b.value).map(({ name, value }) => {
    const written = said.get(name) ?? null;
    return [
      name,
      value.toFixed(2),
      written?.toFixed(2) ?? "–",
      written === null ? "–" : (value / written).toFixed(2),
    ];
  }),
]);
for (const { name, value } of low) {
  console.error(`${name}: ${value.toFixed(2)} is less than half of ${said.get(name)?.toFixed(2)}`);
}
if (isShort && low.length > 0) Deno.exit(1);
