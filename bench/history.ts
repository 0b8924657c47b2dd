/**
 * What a history costs: the time of the recorder itself, at the speed of a full drain, and drains by
 * turns, with histories and without.
 *
 *     deno run -A bench/history.ts [--tasks=20000] [--runs=5] [--processes=1] [--only=recorder]
 *
 * The recorder gets its events in batches, as in a drain of 25,000 tasks a second, and writes real files.
 * Drains are those of bench/drain.ts: a function in TypeScript that does nothing. Medians are printed.
 */

import { join } from "@std/path";
import process from "node:process";
import type { Event } from "../src/report/event.ts";
import { Recorder } from "../src/history/recorder.ts";
import type { HistoryConfig } from "../src/history/settings.ts";
import { SpoolDirectory } from "../src/spool/directory.ts";
import { HistoryFiles } from "../src/spool/history_files.ts";
import { HISTORY_DIR, STATE_DIR } from "../src/spool/layout.ts";
import { systemClock } from "../src/platform/clock.ts";
import { platform } from "../tests/support/platform.ts";
import { FakeClock } from "../tests/support/clock.ts";
import { fillSpool } from "../tests/support/fill.ts";
import { tempDir } from "../tests/support/temp.ts";
import { pause } from "../tests/support/until.ts";
import { drainWithOurs } from "./programs.ts";
import { median, numberArg, printTable, textArg, whole } from "./table.ts";

const tasks = numberArg("tasks", 20_000);
const runs = numberArg("runs", 5);
const processes = numberArg("processes", 1);

/** Tasks that end in the time of one batch. */
const BATCH = 5000;
const BATCH_MS = 200;
const REST_MS = 1500;

const HISTORIES: readonly (readonly [string, string])[] = [
  ["off", "0"],
  ["1,000 runs (the default)", "1000"],
  ["10,000 runs", "10000"],
  ["1,000,000 runs", "1000000"],
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
    waitMs: 12.5,
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
  for (const [name, text] of HISTORIES.slice(1)) {
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

async function drainTable(): Promise<void> {
  const rates = new Map<string, number[]>(HISTORIES.map(([name]) => [name, []]));
  for (let run = 0; run < runs; run++) {
    for (const [name, text] of HISTORIES) {
      await using temp = await tempDir();
      const dir = temp.path;
      fillSpool(join(dir, "spool"), tasks);
      await pause(REST_MS);
      const lines = [`spooler-history = ${text}`];
      const ms = await drainWithOurs({ dir, processes, lines }, "typescript");
      rates.get(name)?.push(1000 * tasks / ms);
    }
  }
  const off = median(rates.get("off") ?? []);
  printTable([
    ["drain, history of", "tasks/s", "to off", "slowest", "fastest"],
    ...HISTORIES.map(([name]) => {
      const own = rates.get(name) ?? [];
      const ratio = (median(own) / off).toFixed(2);
      return [
        name,
        whole(median(own)),
        ratio,
        whole(Math.min(...own)),
        whole(Math.max(...own)),
      ];
    }),
  ]);
}

await recorderTable();
if (textArg("only") !== "recorder") await drainTable();
