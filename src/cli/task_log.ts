/** `spooler log`: what a task or a job printed, in one run, or what it prints now. */

import { isAbsolute } from "@std/path";
import type { Config } from "../config/config.ts";
import { follow, type FollowOptions } from "../history/follow.ts";
import { attemptsOf, type Found, jobsIn, outputOf, presentOutput } from "../history/reader.ts";
import type { OutputLine } from "../history/run_output.ts";
import { effortText, resultText } from "../history/run_text.ts";
import { counted } from "../platform/count_text.ts";
import { systemClock } from "../platform/clock.ts";
import { timeText } from "../platform/local_time.ts";
import { safeText } from "../report/safe_text.ts";
import { safeLabel } from "../report/task_name.ts";
import { isoText } from "../report/task_summary.ts";
import type { HistoryFiles } from "../spool/history_files.ts";
import { readArgs } from "./args.ts";
import { explainDenial } from "./denied.ts";
import { UsageError } from "./error.ts";
import { iniArgs, loadIni } from "./ini.ts";
import { isRunning } from "./jobs.ts";
import { CliOutput, note } from "./output.ts";
import { findPast } from "./past_runs.ts";
import { jobHistoryOf, recordsOf } from "./schedules.ts";
import {
  findTask,
  missText,
  type OpenSpool,
  openSpools,
  taskWords,
  WHERE,
  type Where,
} from "./spools.ts";

/** A task or a job whose output is wanted. */
interface Printing {
  readonly files: HistoryFiles;
  readonly of: FollowOptions["of"];
  /** For people. */
  readonly name: string;
  /** The first one first; of a job those of its last slot. */
  readonly runs: readonly Found[];
  /** It runs, or is about to. */
  isRunning(): boolean;
}

export async function log(args: readonly string[]): Promise<number> {
  const { options, flags, words } = readArgs("log", args, [...WHERE, "attempt"], [
    ...["f", "follow", "json", "raw"] as const,
  ]);
  const [word] = taskWords(words);
  if (word === undefined || words.length > 1) {
    throw new UsageError("log needs the NAME of one task or job");
  }
  const attempt = attemptIn(options.attempt);
  const follows = flags.has("f") || flags.has("follow");
  if (follows && attempt !== null) throw new UsageError("log takes -f or --attempt, not both");
  if (flags.has("json") && flags.has("raw")) {
    throw new UsageError("log takes --json or --raw, not both");
  }
  const printer = new Printer(flags.has("json") ? "json" : flags.has("raw") ? "raw" : "text");
  const source = await jobNamed(word, options) ?? await taskNamed(word, options);
  if (follows) return await followOne(source, printer);
  const present = attempt === null ? presentOutput(source.files, nameIn(source.of)) : null;
  if (present !== null) {
    await printer.lines(present.lines);
    await printer.end(`${source.name}: still runs; log -f follows it`);
    return 0;
  }
  return await printRun(source, chosenRun(source, attempt), printer);
}

function attemptIn(text: string | undefined): number | null {
  if (text === undefined) return null;
  if (!/^[1-9]\d{0,8}$/.test(text)) {
    throw new UsageError(`--attempt needs a number from 1: "${text}"`);
  }
  return Number(text);
}

function nameIn(of: FollowOptions["of"]): string {
  return "name" in of ? of.name : of.job;
}

/** The job of that name; null when the ini has none, and none of its modules has had one. */
async function jobNamed(word: string, { ini, dir }: Where): Promise<Printing | null> {
  const args = dir === undefined && !isAbsolute(word) ? iniArgs(ini) : null;
  if (args === null) return null;
  const { config } = await loadIni(args);
  const files = jobHistoryOf(config);
  const all = [...jobsIn(files, { job: word })];
  if (all.length === 0) files.mustBeReadable();
  const last = all[0]?.entry.slot;
  if (last === undefined && !config.schedules.some(({ name }) => name === word)) return null;
  const runs = all.filter(({ entry }) => entry.slot === last).toReversed();
  return {
    files,
    of: { job: word },
    name: safeText(word),
    runs,
    isRunning: await runState(config, word),
  };
}

/** Of jobs that a module has registered nothing but their output shows that they run. */
async function runState(config: Config, name: string): Promise<() => boolean> {
  const job = config.schedules.find((each) => each.name === name);
  const run = job && (await recordsOf(config)).get(job.id)?.run;
  return () => isRunning(run ?? null);
}

async function taskNamed(word: string, options: Where): Promise<Printing> {
  const spools = await openSpools("log", options, { words: [word] });
  const { spool, name } = await explainDenial("log", spools, () => taskIn(spools, word));
  const files = spool.store.history;
  const goesOn = () =>
    spool.inspector.find(name, undefined).some((task) => {
      const kind = spool.inspector.inspect(task)?.state.kind;
      return kind === "running" || kind === "ready";
    });
  return {
    ...{ files, of: { name }, isRunning: goesOn },
    name: safeLabel(name),
    runs: attemptsOf(files, name),
  };
}

function taskIn(spools: readonly OpenSpool[], word: string): { spool: OpenSpool; name: string } {
  const named = findTask(spools, word);
  if (named.kind === "one") return { spool: named.spool, name: named.task.name };
  const past = named.kind === "none" ? findPast(spools, word) : named;
  if (past.kind !== "one") throw new Error(missText(word, past));
  return past;
}

function chosenRun({ name, runs }: Printing, attempt: number | null): Found {
  const run = attempt === null
    ? runs.at(-1)
    : runs.findLast(({ entry }) => entry.attempt === attempt);
  if (run !== undefined) return run;
  if (runs.length === 0) throw new Error(`${name}: the history has no run of it`);
  const known = [...new Set(runs.map(({ entry }) => entry.attempt))].join(", ");
  throw new Error(`${name}: the history has no attempt ${attempt}; it has: ${known}`);
}

/** Exit code 1 when something was printed of which nothing is kept. */
async function printRun(
  { files, name }: Printing,
  run: Found,
  printer: Printer,
): Promise<number> {
  const { entry } = run;
  const lines = outputOf(files, run);
  await printer.lines(lines ?? [], entry.output?.lines);
  const about = `attempt ${entry.attempt}, ${timeText(entry.startedAt)}`;
  await printer.end(`${name}: ${about}: ${resultText(entry)} (${effortText(entry)})`);
  if (entry.output === null || lines !== null) return 0;
  note("the output of this run was not kept: spooler-output says which is");
  return 1;
}

async function followOne(source: Printing, printer: Printer): Promise<number> {
  const { files, of, runs, name } = source;
  const last = runs.at(-1);
  if (last !== undefined && presentOutput(files, nameIn(of)) === null && !source.isRunning()) {
    return await printRun(source, last, printer);
  }
  const after = last?.entry.startedAt ?? -1;
  const following = follow({ files, of, clock: systemClock, after, isRunning: source.isRunning });
  while (true) {
    const next = await following.next();
    if (!next.done) {
      await printer.lines([next.value]);
      await printer.flush();
      if (printer.closed) return 0;
      continue;
    }
    const entry = next.value?.entry;
    const ended = entry === undefined
      ? "the history has no run of it"
      : `${resultText(entry)} (${effortText(entry)})`;
    await printer.end(`${name}: ${ended}`, entry?.output?.lines);
    return entry === undefined ? 1 : 0;
  }
}

/** Lines of output, as a person or a program wants them. */
class Printer {
  readonly #output = new CliOutput({ isOfTasks: true });
  #last = 0;

  constructor(private readonly how: "text" | "raw" | "json") {}

  get closed(): boolean {
    return this.#output.closed;
  }

  /** @param total lines that were printed, when that is known */
  async lines(lines: readonly OutputLine[], total = 0): Promise<void> {
    for (const line of lines) {
      if (this.closed) return;
      await this.#gap(line.number - 1);
      this.#last = line.number;
      await this.#line(line);
    }
    if (lines.length > 0) await this.#gap(total);
  }

  /** Says what is missing up to a line. */
  async #gap(number: number): Promise<void> {
    const missing = number - this.#last;
    if (missing <= 0 || this.how === "json") return;
    this.#last = number;
    const text = `… ${counted(missing, "line")} not kept …`;
    if (this.how === "text") return await this.#output.line(text);
    await this.flush();
    note(text);
  }

  async #line({ number, at, stream, text }: OutputLine): Promise<void> {
    if (this.how === "json") {
      return await this.#output.json({ number, at: isoText(at), stream, text });
    }
    if (this.how === "text") {
      return await this.#output.line(`${timeText(at)}${stream === "stderr" ? "!" : "|"} ${text}`);
    }
    if (stream === "stdout") return await this.#output.line(text);
    await this.flush();
    console.error(text);
  }

  async flush(): Promise<void> {
    await this.#output.flush();
  }

  async end(text: string, total = 0): Promise<void> {
    if (this.#last > 0) await this.#gap(total);
    await this.flush();
    if (this.how !== "json" && !this.closed) note(text);
  }
}
