/**
 * What it costs to be looked into: the time of the recorder itself, at the speed of a full drain, and
 * drains by turns, with nothing of it on, with a history, and with all of it.
 *
 *     deno run -A bench/history.ts [--tasks=60000] [--runs=10] [--drains=1] [--processes=1]
 *                                  [--only=recorder|drain]
 *
 * The recorder gets its events in batches, as in a drain of 25,000 tasks a second, and writes real files.
 * Drains run a function in TypeScript that does nothing. The programs of a round wait together until their
 * start is over and all tasks are found, and then drain one after the other, while the others rest. In the
 * first drain of a program the engine compiles all that a drain needs; with `--drains` each fills its spool
 * again and drains that, in a table of its own. Every second round goes through the contestants backwards,
 * and what counts is each drain beside the one without anything of the same round. Processor time is that of
 * the program and its workers; the wall time of a machine with others on it says little. "off again" is the
 * noise, and ± is how far the median may be from that of very many rounds: twice its standard error.
 */

import { dirname, join } from "@std/path";
import process from "node:process";
import type { Event } from "../src/report/event.ts";
import { Recorder } from "../src/history/recorder.ts";
import type { HistoryConfig } from "../src/history/settings.ts";
import { SpoolDirectory } from "../src/spool/directory.ts";
import { HistoryFiles } from "../src/spool/history_files.ts";
import { HISTORY_DIR, PAUSED_FILE, STATE_DIR } from "../src/spool/layout.ts";
import { systemClock } from "../src/platform/clock.ts";
import { platform } from "../tests/support/platform.ts";
import { FakeClock } from "../tests/support/clock.ts";
import { fillSpool } from "../tests/support/fill.ts";
import { tempDir } from "../tests/support/temp.ts";
import { descendants } from "../tests/support/processes.ts";
import { makeSite } from "../tests/support/site.ts";
import { pause } from "../tests/support/until.ts";
import { whenEmpty } from "./programs.ts";
import { median, numberArg, printTable, textArg, whole } from "./table.ts";

const tasks = numberArg("tasks", 60_000);
const runs = numberArg("runs", 10);
const processes = numberArg("processes", 1);
const drains = numberArg("drains", 1);

/** Tasks that end in the time of one batch. */
const BATCH = 5000;
const BATCH_MS = 200;
const REST_MS = 500;
/** Ten seconds from its start the program collects all garbage, once: that is no cost of a drain. */
const START_OVER_MS = 11_000;
/** And some seconds after a great many files it does what it had put off. */
const FILLED_OVER_MS = 3000;
/** What it may have spent between two looks, and be at rest. */
const REST_MICROS = 20_000;

const HISTORIES: readonly (readonly [string, string])[] = [
  ["1,000 runs (the default)", "1000"],
  ["10,000 runs", "10000"],
  ["1,000,000 runs", "1000000"],
];

const ALL_ON = [
  ...["spooler-history = 10000", "spooler-output = all", "stats = 127.0.0.1:0"],
  "http-socket = 127.0.0.1:0",
];
const CONTESTANTS: readonly (readonly [string, readonly string[]])[] = [
  ["off again", ["spooler-history = 0"]],
  ["history, output, stats, http-socket", ALL_ON],
  ["off", ["spooler-history = 0"]],
  ["history of 1,000 runs (the default)", []],
];

/** Microseconds of processor time a task. */
function recorderCost(dir: string, count: number, output: HistoryConfig["output"]): number {
  Deno.mkdirSync(join(dir, STATE_DIR), { recursive: true });
  const clock = new FakeClock(systemClock.now());
  const options = { ...platform, clock, random: Math.random };
  const directory = new SpoolDirectory({ dir, fsync: false, ...options });
  const limit = { kind: "runs", count } as const;
  const recorder = new Recorder({
    files: new HistoryFiles(directory, join(dir, HISTORY_DIR)),
    limit,
    config: { limit, output, outputMax: 65_536 },
    clock,
    unique: 1,
    mask: (text) => text,
    warn: (message) => console.error(message),
  });
  const emit = recorder.tap(() => {});
  const events = Array.from({ length: BATCH }, (_, at): Event => ({
    type: "task.settled",
    spool: "spool",
    task: `uwsgi_spoolfile_on_web1_29218_${at}_1634773872_1795434775_554000`,
    func: "send_mail",
    attempt: 1,
    fate: { kind: "done" },
    tookMs: 0.03,
    // As in a drain each millisecond has its own.
    waitMs: 12.5 + at * BATCH_MS / BATCH,
  }));
  const batches = Math.max(4, Math.ceil(tasks / BATCH));
  const printed = (event: Event) =>
    event.type === "task.settled"
      ? emit({
        type: "task.output",
        task: event.task,
        func: event.func,
        stream: "stdout",
        line: "ok",
      })
      : undefined;
  let spentMicros = 0;
  for (let batch = -2; batch < batches; batch++) {
    const before = process.cpuUsage();
    for (const event of events) {
      if (output !== "none") printed(event);
      emit(event);
    }
    clock.advance(BATCH_MS);
    // The first ones are for the compiler.
    const { user, system } = process.cpuUsage(before);
    if (batch >= 0) spentMicros += user + system;
  }
  recorder.close();
  directory.close();
  return spentMicros / (batches * BATCH);
}

async function recorderTable(): Promise<void> {
  const rows: string[][] = [];
  for (const [name, text] of HISTORIES) {
    for (const output of ["none", "failed"] as const) {
      const costs: number[] = [];
      for (let run = 0; run < runs; run++) {
        await using temp = await tempDir();
        costs.push(recorderCost(temp.path, Number(text), output));
      }
      const about = output === "none" ? name : `${name}, each prints a line, kept of what fails`;
      rows.push([about, median(costs).toFixed(2), Math.max(...costs).toFixed(2)]);
    }
  }
  printTable([["recorder", "µs a task", "slowest"], ...rows]);
}

interface Cost {
  readonly ms: number;
  /** Of the program. */
  readonly programMicros: number;
  readonly workerMicros: number;
}

/** As the scheduler counts it, of all threads; /proc/PID/stat has it in ticks of 10 ms. */
function cpuMicros(pid: number): number {
  const threads = [...Deno.readDirSync(`/proc/${pid}/task`)].map(({ name }) => name);
  const nanos = threads.map((thread) =>
    Number(Deno.readTextFileSync(`/proc/${pid}/task/${thread}/schedstat`).split(" ")[0])
  );
  return nanos.reduce((sum, each) => sum + each, 0) / 1000;
}

/** Processor time of the program, and of what it has started. */
const costNow = (pid: number) => ({
  program: cpuMicros(pid),
  workers: descendants(pid).reduce((sum, child) => sum + cpuMicros(child), 0),
});

async function whenAtRest(pid: number): Promise<void> {
  for (let before = -1;;) {
    const { program, workers } = costNow(pid);
    if (program + workers <= before + REST_MICROS) return;
    before = program + workers;
    await pause(REST_MS);
  }
}

/** A program with a full spool that has found all tasks, is paused, and rests. */
interface Contestant extends AsyncDisposable {
  drain(): Promise<Cost>;
  /** Makes it what it was before. */
  fill(): Promise<void>;
}

async function startContestant(lines: readonly string[]): Promise<Contestant> {
  const stack = new AsyncDisposableStack();
  const site = stack.use(
    await makeSite(
      ...["spooler-import = tasks.ts", "spooler-quiet = true", `spooler-processes = ${processes}`],
      ...["spooler-frequency = 3600", ...lines],
    ),
  );
  await Deno.writeTextFile(
    `${site.dir}/tasks.ts`,
    "export function noop() { return uwsgi.SPOOL_OK; }\n",
  );
  const paused = join(site.spool, PAUSED_FILE);
  const last = fillSpool(site.spool, tasks).at(-1);
  await Deno.mkdir(dirname(paused), { recursive: true });
  await Deno.writeTextFile(paused, "");
  const program = stack.use(await site.start());
  const { pid } = program;
  let pauses = 1;
  return {
    async fill() {
      await Deno.writeTextFile(paused, "");
      await program.line(/: paused/, ++pauses);
      fillSpool(site.spool, tasks);
    },
    async drain() {
      await whenAtRest(pid);
      const before = costNow(pid);
      const since = Date.now();
      await Deno.remove(paused);
      const ms = await whenEmpty(site.spool, last) - since;
      await pause(REST_MS);
      await whenAtRest(pid);
      const after = costNow(pid);
      const perTask = (micros: number) => micros / tasks;
      return {
        ms,
        programMicros: perTask(after.program - before.program),
        workerMicros: perTask(after.workers - before.workers),
      };
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** The costs of a drain of each contestant in each round, by its name. */
type Costs = ReadonlyMap<string, Cost[]>;

/** Together they wait until their start is over; they drain one after the other. */
async function drainRound(
  contestants: readonly (readonly [string, readonly string[]])[],
  costs: readonly Costs[],
) {
  await using stack = new AsyncDisposableStack();
  const started: (readonly [string, Contestant])[] = [];
  for (const [name, lines] of contestants) {
    started.push([name, stack.use(await startContestant(lines))]);
  }
  for (const [nth, ofDrain] of costs.entries()) {
    if (nth > 0) { for (const [, contestant] of started) await contestant.fill(); }
    // What the system has not written yet it would write while one of them drains.
    await new Deno.Command("sync").output();
    await pause(nth === 0 ? START_OVER_MS : FILLED_OVER_MS);
    for (const [name, contestant] of started) {
      ofDrain.get(name)?.push(await contestant.drain());
    }
  }
}

async function drainTables(): Promise<void> {
  const noCosts = (): Costs => new Map(CONTESTANTS.map(([name]) => [name, []]));
  const costs = Array.from({ length: drains }, noCosts);
  for (let run = 0; run < runs; run++) {
    await drainRound(run % 2 === 0 ? CONTESTANTS : CONTESTANTS.toReversed(), costs);
  }
  const [first = noCosts(), ...later] = costs;
  printDrains("first drain", first);
  if (later.length === 0) return;
  const all = CONTESTANTS.map(([name]) =>
    [name, later.flatMap((each) => each.get(name) ?? [])] as const
  );
  printDrains("later drains", new Map(all));
}

function printDrains(title: string, costs: Costs): void {
  const cpuOf = (name: string) =>
    costs.get(name)?.map(({ programMicros, workerMicros }) => programMicros + workerMicros) ?? [];
  const msOf = (name: string) => costs.get(name)?.map(({ ms }) => ms) ?? [];
  const ofRounds = (of: (name: string) => number[], name: string) =>
    of(name).map((value, run) => (of("off")[run] ?? NaN) / value);
  printTable([
    [title, "µs a task", "of the program", "to off", "±", "tasks/s", "to off", "±"],
    ...CONTESTANTS.map(([name]) => {
      const own = costs.get(name) ?? [];
      const [cpu, speed] = [ofRounds(cpuOf, name), ofRounds(msOf, name)];
      return [
        name,
        median(cpuOf(name)).toFixed(1),
        median(own.map((each) => each.programMicros)).toFixed(1),
        median(cpu).toFixed(3),
        doubt(cpu).toFixed(3),
        whole(1000 * tasks / median(msOf(name))),
        median(speed).toFixed(3),
        doubt(speed).toFixed(3),
      ];
    }),
  ]);
}

/**
 * Twice the standard error of the median: of values as a normal distribution has them, from the median of how
 * far they are from theirs, which one wild value does not change.
 */
function doubt(values: readonly number[]): number {
  const middle = median(values);
  const deviation = 1.4826 * median(values.map((value) => Math.abs(value - middle)));
  return 2 * 1.2533 * deviation / Math.sqrt(values.length);
}

if (textArg("only") !== "drain") await recorderTable();
if (textArg("only") !== "recorder") await drainTables();
