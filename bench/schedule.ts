/**
 * A thousand schedules: how late jobs start, and what the program costs while nothing is due.
 *
 *     deno run -A bench/schedule.ts [--schedules=1000] [--seconds=30]
 *
 * Lateness is taken by the job itself: its command prints the time it starts at, beside its slot.
 * SPOOLER_EXECUTABLE names the program to measure; without it, the source is.
 */

import { pause } from "../tests/support/until.ts";
import { join } from "@std/path";
import { Program } from "../tests/support/program.ts";
import { numberArg, printTable } from "./table.ts";

const schedules = numberArg("schedules", 1000);
const seconds = numberArg("seconds", 30);

const PRINT = 'echo "late $SPOOLER_SLOT $(date +%%s%%3N)"';

async function withProgram<T>(
  lines: readonly string[],
  measure: (program: Program) => Promise<T>,
): Promise<T> {
  const dir = await Deno.makeTempDir({ prefix: "spooler-bench-" });
  try {
    const ini = join(dir, "site.ini");
    await Deno.writeTextFile(ini, ["[uwsgi]", "spooler = spool", ...lines, ""].join("\n"));
    await using program = await Program.start(["--ini", ini]);
    return await measure(program);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

/** Cron lines of one minute that is half a day away. */
function idleLines(count: number): string[] {
  const hour = (new Date().getHours() + 12) % 24;
  return Array.from({ length: count }, (_, i) => `cron = ${i % 60} ${hour} * * * true ${i}`);
}

/** Milliseconds behind the slot, sorted. */
function latenessIn(log: string): number[] {
  return [...log.matchAll(/late (\S+Z) (\d+)$/gm)]
    .map(([, slot, at]) => Number(at) - Date.parse(slot ?? ""))
    .sort((a, b) => a - b);
}

function row(what: string, late: readonly number[]): string[] {
  const at = (share: number) => `${late[Math.floor(share * (late.length - 1))] ?? NaN} ms`;
  return [what, String(late.length), at(0.5), at(0.99), at(1)];
}

interface Usage {
  /** User and system time in milliseconds. */
  readonly cpuMs: number;
  /** How often each thread gave up the CPU to wait; a thread may end meanwhile. */
  readonly waits: ReadonlyMap<string, number>;
}

async function usageOf(pid: number): Promise<Usage> {
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const waits = new Map<string, number>();
  for await (const { name } of Deno.readDir(`/proc/${pid}/task`)) {
    const status = await Deno.readTextFile(`/proc/${pid}/task/${name}/status`);
    waits.set(name, Number(/^voluntary_ctxt_switches:\s*(\d+)$/m.exec(status)?.[1] ?? 0));
  }
  // Ticks of 10 ms; fields 14 and 15 of proc(5), counted from the third.
  return { cpuMs: 10 * (Number(fields[11]) + Number(fields[12])), waits };
}

function wakeUps(before: Usage, after: Usage): number {
  return [...after.waits].reduce((sum, [id, n]) => sum + n - (before.waits.get(id) ?? 0), 0);
}

async function idle(lines: readonly string[]): Promise<string[]> {
  return await withProgram(lines, async ({ pid }) => {
    await pause(3000);
    const before = await usageOf(pid);
    await pause(seconds * 1000);
    const after = await usageOf(pid);
    return [
      `${((after.cpuMs - before.cpuMs) / (seconds * 10)).toFixed(2)} %`,
      (wakeUps(before, after) / seconds).toFixed(1),
    ];
  });
}

/** Of all schedules, `due` timers that are due together each second. */
async function ticking(due: number): Promise<number[]> {
  const timers = Array.from({ length: due }, (_, i) => `timer2 = every=1s,name=tick${i} ${PRINT}`);
  return await withProgram([...idleLines(schedules - due), ...timers], async (program) => {
    await pause(seconds * 1000);
    return latenessIn(program.log);
  });
}

const one = await ticking(1);
const ten = await ticking(10);

const next = new Date(Date.now() + 65_000);
const minute = `${next.getMinutes()} ${next.getHours()}`;
const lone = await withProgram(
  [...idleLines(schedules - 1), `cron = ${minute} * * * ${PRINT}`],
  async (program) => {
    await program.line(/ late /, 1, 130_000);
    return latenessIn(program.log);
  },
);

printTable([
  ["lateness of a start", "starts", "median", "p99", "worst"],
  row(`1 of ${schedules}, every second`, one),
  row(`10 of ${schedules} together, every second`, ten),
  row(`1 of ${schedules}, at its minute`, lone),
]);

const [none, many] = [await idle([]), await idle(idleLines(schedules))];
console.log();
printTable([
  ["nothing is due", "CPU", "wake-ups a second"],
  ["no schedule", ...none],
  [`${schedules} schedules`, ...many],
]);
