/**
 * What the executable costs where it does little: memory and processor time while it waits, the time of a
 * start and of a short command, a command as handler beside posix_spawn(3), a list of very many tasks.
 *
 *     SPOOLER_EXECUTABLE=dist/spooler deno run -A bench/light.ts [--deferred=100000] [--seconds=20]
 *         [--starts=20] [--commands=500] [--huge=1000000] [--only=TEXT] [--empty=dist/empty]
 *
 * "to the goal" is 1 or more where the goal is reached. Processor time and memory do not depend on what
 * else the machine does; times do. TMPDIR says which file system is used. What no program can fall below is
 * the row of an empty one, where --empty names its executable:
 *
 *     echo > empty.js; deno compile --output dist/empty empty.js
 */

import { join } from "@std/path";
import { fillSpool } from "../tests/support/fill.ts";
import { childrenOf } from "../tests/support/processes.ts";
import { commandLine } from "../tests/support/program.ts";
import { pause, until } from "../tests/support/until.ts";
import { commandRate, spawnRate } from "./commands.ts";
import { median, numberArg, printTable, textArg, whole } from "./table.ts";

const deferred = numberArg("deferred", 100_000);
const huge = numberArg("huge", 1_000_000);
const seconds = numberArg("seconds", 20);
const starts = numberArg("starts", 20);
const commands = numberArg("commands", 500);
const empty = textArg("empty");

const DAY_SECONDS = 86_400;
/** The program gives back every ten seconds what its start took. */
const SETTLED_MS = 23_000;
const PATIENCE_MS = 600_000;

type Row = readonly [what: string, measured: string, goal: string, toGoal: number];

const mb = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
const ms = (value: number) => `${whole(value)} ms`;

/** User and system time of a process and of its children that have ended, in ms (proc(5), ticks of 10 ms). */
function cpuMs(pid: number | "self", withChildren = false): number {
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ").map(Number);
  const own = (fields[11] ?? 0) + (fields[12] ?? 0);
  return 10 * (withChildren ? (fields[13] ?? 0) + (fields[14] ?? 0) : own);
}

function anonymousBytes(pid: number): number {
  const text = Deno.readTextFileSync(`/proc/${pid}/smaps_rollup`);
  return 1024 * Number(/^Anonymous: +(\d+) kB$/m.exec(text)?.[1] ?? NaN);
}

interface Site extends AsyncDisposable {
  readonly dir: string;
  readonly ini: string;
}

async function makeSite(...lines: readonly string[]): Promise<Site> {
  const dir = await Deno.makeTempDir({ prefix: "spooler-bench-" });
  const ini = join(dir, "site.ini");
  await Deno.writeTextFile(ini, ["[uwsgi]", "spooler = spool", ...lines, ""].join("\n"));
  return { dir, ini, [Symbol.asyncDispose]: () => Deno.remove(dir, { recursive: true }) };
}

/** The program on a site, until it is disposed of. */
function run({ dir, ini }: Site): AsyncDisposable & { readonly pid: number; log(): string } {
  const log = join(dir, "log");
  const [file, args] = commandLine(["--ini", ini, "--logto", log]);
  const child = new Deno.Command(file, { args, stdout: "null", stderr: "null" }).spawn();
  return {
    pid: child.pid,
    log: () => {
      try {
        return Deno.readTextFileSync(log);
      } catch {
        return "";
      }
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await child.status;
    },
  };
}

async function nothingToDo(): Promise<Row[]> {
  await using site = await makeSite("spooler-import = tasks.ts");
  await Deno.writeTextFile(join(site.dir, "tasks.ts"), "export function f() { return -2; }\n");
  await using program = run(site);
  await pause(SETTLED_MS);
  const own = anonymousBytes(program.pid);
  const [worker = NaN] = childrenOf(program.pid).map(anonymousBytes);
  return [
    ["nothing to do: memory of its own", mb(own), "20 MB", 20e6 / own],
    ["the same of a TypeScript worker", mb(worker), "30 MB", 30e6 / worker],
  ];
}

async function manyDeferred(count: number, goals: { mb: number; scanMs: number }): Promise<Row[]> {
  await using site = await makeSite(
    ...["spooler-task = :", "spooler-frequency = 1", "spooler-debug = scan"],
  );
  const spool = join(site.dir, "spool");
  const far = Date.now() / 1000 + DAY_SECONDS;
  for (const name of fillSpool(spool, count)) Deno.utimeSync(join(spool, name), far, far);
  await using program = run(site);
  const scanned = () => /scan: ends after (\d+) ms/.exec(program.log());
  await until(() => scanned() !== null, "the first scan", PATIENCE_MS);
  const scanMs = Number(scanned()?.[1]);
  const scanCpuMs = cpuMs(program.pid);
  await pause(SETTLED_MS);
  const before = cpuMs(program.pid);
  await pause(1000 * seconds);
  const idleMs = cpuMs(program.pid) - before;
  const own = anonymousBytes(program.pid);
  const goalMs = 50 * seconds / 20;
  const what = `${whole(count)} deferred`;
  return [
    [`${what}: first scan`, ms(scanMs), ms(goals.scanMs), goals.scanMs / scanMs],
    [`${what}: CPU until then`, ms(scanCpuMs), "", NaN],
    [`${what}: CPU of ${seconds} s idle`, ms(idleMs), ms(goalMs), goalMs / Math.max(idleMs, 10)],
    [`${what}: memory of its own`, mb(own), `${goals.mb} MB`, goals.mb * 1e6 / own],
  ];
}

/** Runs something `starts` times; the median of the times, and the processor time of one. */
async function timed(act: () => Promise<number>): Promise<readonly [ms: number, cpuMs: number]> {
  const before = cpuMs("self", true);
  const times: number[] = [];
  for (let n = 0; n < starts; n++) times.push(await act());
  return [median(times), (cpuMs("self", true) - before) / starts];
}

async function startToListening(): Promise<Row[]> {
  await using site = await makeSite("spooler-task = :", "socket = own.sock");
  const path = join(site.dir, "own.sock");
  const [tookMs, cpu] = await timed(async () => {
    const startedAt = performance.now();
    await using program = run(site);
    while (true) {
      try {
        (await Deno.connect({ transport: "unix", path })).close();
        return performance.now() - startedAt;
      } catch {
        await pause(1);
      }
      if (performance.now() - startedAt > 10_000) throw new Error(program.log());
    }
  });
  return [[
    "start to listening",
    `${ms(tookMs)} (CPU with its end ${ms(cpu)})`,
    "50 ms",
    50 / tookMs,
  ]];
}

async function shortCommands(): Promise<Row[]> {
  await using site = await makeSite("spooler-task = :");
  await Deno.mkdir(join(site.dir, "spool"));
  const rows: Row[] = [];
  const cases: readonly (readonly [string, number, string[]])[] = [
    ["spooler push of one task", 60, ["push", "--ini", site.ini, "ud_spool_func=f"]],
    ["spooler --help", 60, ["--help"]],
    ["spooler check", 100, ["check", site.ini]],
  ];
  const floor = empty === "" ? [] : [["an empty program", NaN, null] as const];
  for (const [what, goalMs, words] of [...floor, ...cases]) {
    const [file, args]: [string, string[]] = words === null ? [empty, []] : commandLine(words);
    const [tookMs, cpu] = await timed(async () => {
      const startedAt = performance.now();
      const command = new Deno.Command(file, { args, stdout: "null", stderr: "piped" });
      const { success, stderr } = await command.output();
      if (!success) throw new Error(new TextDecoder().decode(stderr));
      return performance.now() - startedAt;
    });
    const goal = Number.isNaN(goalMs) ? "" : ms(goalMs);
    rows.push([what, `${ms(tookMs)} (CPU ${ms(cpu)})`, goal, goalMs / tookMs]);
  }
  return rows;
}

async function commandHandler(): Promise<Row[]> {
  const before = spawnRate(commands, 1);
  const { perSecond } = await commandRate(commands, 1);
  const spawned = (before + spawnRate(commands, 1)) / 2;
  const ratio = perSecond / spawned;
  return [[
    "a command, `:`, to posix_spawn",
    `${whole(perSecond)}/s of ${whole(spawned)}/s`,
    "0.90",
    ratio / 0.9,
  ]];
}

async function longList(count: number): Promise<Row[]> {
  await using site = await makeSite();
  fillSpool(join(site.dir, "spool"), count);
  const [file, args] = commandLine(["list", "--ini", site.ini]);
  const startedAt = performance.now();
  const child = new Deno.Command(file, { args, stdout: "piped", stderr: "null" }).spawn();
  let firstMs = NaN;
  for await (const _ of child.stdout) {
    if (Number.isNaN(firstMs)) firstMs = performance.now() - startedAt;
  }
  await child.status;
  const allMs = performance.now() - startedAt;
  const what = `spooler list of ${whole(count)}`;
  return [
    [`${what}: first line`, ms(firstMs), "300 ms", 300 / firstMs],
    [`${what}: all`, ms(allMs), "5,000 ms", 5000 / allMs],
  ];
}

const parts: readonly (readonly [string, () => Promise<Row[]>])[] = [
  ["start", startToListening],
  ["short", shortCommands],
  ["command", commandHandler],
  ["nothing", nothingToDo],
  ["deferred", () => manyDeferred(deferred, { mb: 60, scanMs: 5000 })],
  ["huge", () => manyDeferred(huge, { mb: 250, scanMs: 5000 })],
  ["list", () => longList(huge)],
];
const only = textArg("only").split(",").filter((each) => each !== "");
const rows: Row[] = [];
for (const [name, part] of parts) {
  if (only.length === 0 || only.includes(name)) rows.push(...await part());
}
printTable([
  ["", "measured", "goal", "to the goal"],
  ...rows.map(([what, measured, goal, toGoal]) => [
    what,
    measured,
    goal,
    Number.isNaN(toGoal) ? "" : toGoal.toFixed(2),
  ]),
]);
