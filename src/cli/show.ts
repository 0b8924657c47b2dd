/** `spooler show`: everything about one task, or its body as it is. */

import { ownerText } from "../platform/owner.ts";
import { DENIED } from "../platform/reason.ts";
import { roughText } from "../platform/duration_text.ts";
import type { Inspected } from "../spool/inspected.ts";
import { timeText } from "../platform/local_time.ts";
import { readArgs } from "./args.ts";
import { explainDenial } from "./denied.ts";
import { UsageError } from "./error.ts";
import { CliOutput } from "./output.ts";
import { safeText } from "../report/safe_text.ts";
import { safeBytes } from "../report/shown_bytes.ts";
import { taskJson, withoutSecretValues } from "../report/task_details.ts";
import { safeLabel, shortId } from "../report/task_name.ts";
import type { TaskEntry } from "../history/entry.ts";
import { attemptsOf, type Found } from "../history/reader.ts";
import { taskRunJson } from "../history/run_text.ts";
import { taskId } from "../spool/layout.ts";
import type { ReachedLimit } from "../report/snapshot.ts";
import { limitText } from "../report/task_summary.ts";
import { asked } from "./programs.ts";
import { findPast, type PastTask, pastText, runLines } from "./past_runs.ts";
import {
  findTask,
  isStream,
  type Located,
  missText,
  openSpools,
  taskWords,
  WHERE,
} from "./spools.ts";
import { parseTaskWord } from "./task_id.ts";
import { counted } from "../platform/count_text.ts";

export async function show(args: readonly string[]): Promise<number> {
  const { options, flags, words } = readArgs("show", args, WHERE, [
    "json",
    "body",
    "reveal",
  ]);
  const [word] = taskWords(words);
  if (word === undefined || words.length > 1) throw new UsageError("show needs the NAME of a task");
  if (!isStream(options.dir)) parseTaskWord(word);
  if (flags.has("json") && flags.has("body")) {
    throw new UsageError("show takes --json or --body, not both: a body is shown as it is");
  }
  if (isStream(options.dir)) {
    const { showInStream } = await import("./stream_show.ts");
    const [name = ""] = words;
    return await showInStream(options, name, {
      ...{ asJson: flags.has("json"), reveals: flags.has("reveal"), bodyOnly: flags.has("body") },
    });
  }
  const spools = await openSpools("show", options, { words: [word] });
  await explainDenial("show", spools, async () => {
    const reveals = flags.has("reveal");
    const output = new CliOutput({ reveals });
    const named = findTask(spools, word);
    if (named.kind === "none") {
      const past = findPast(spools, word);
      if (past.kind !== "one") throw new Error(missText(word, past));
      if (flags.has("body")) {
        throw new Error(`${shownName(past)}: its body is gone: ${pastText(past)}`);
      }
      await showPast(past, flags.has("json"), output);
      return await output.flush();
    }
    if (named.kind !== "one") throw new Error(missText(word, named));
    if (flags.has("body")) await showBody(named, output);
    else await showTask(named, { asJson: flags.has("json"), reveals }, output);
    await output.flush();
  });
  return 0;
}

async function showBody({ spool, task }: Located, output: CliOutput): Promise<void> {
  for (const piece of spool.inspector.body(task)) {
    if (output.closed) return;
    await output.bytes(piece);
  }
}

export interface HowToShow {
  readonly asJson: boolean;
  /** Secrets, too. */
  readonly reveals: boolean;
}

async function showTask(
  { spool, task }: Located,
  { asJson, reveals }: HowToShow,
  output: CliOutput,
): Promise<void> {
  const found = spool.inspector.inspect(task);
  const inspected = found === null || reveals ? found : withoutSecretValues(found);
  if (!inspected) throw new Error(`${shortId(task)}: it is gone, or not a file`);
  const now = spool.clock.now();
  const runs = attemptsOf(spool.store.history, task.name);
  const limit = inspected.state.kind === "ready" ? await limitOf({ spool, task }) : null;
  if (asJson) {
    const entries = runs.map(({ entry }) => taskRunJson(entry));
    return await output.json({ ...taskJson(inspected, spool.dir, now, limit), runs: entries });
  }
  for (const line of taskLines(inspected, now, limit)) await output.line(line);
  await showRuns(runs, output);
}

/** Asks the running programs; null also when none answers, or is too old to know. */
async function limitOf({ spool, task }: Located): Promise<ReachedLimit | null> {
  try {
    for await (const limit of asked(spool, { do: "limit", task: taskId(task) })) {
      if (limit !== null) return limit;
    }
  } catch {
    // What is on disk is shown without them.
  }
  return null;
}

async function showRuns(runs: readonly Found<TaskEntry>[], output: CliOutput): Promise<void> {
  if (runs.length > 0) await output.line(field("runs", String(runs.length)));
  for (const line of runLines(runs)) await output.line(line);
}

/** Of a task whose file is gone nothing is left but its runs. */
async function showPast(past: PastTask, asJson: boolean, output: CliOutput): Promise<void> {
  const { spool, name, runs } = past;
  const last = runs.at(-1)?.entry;
  if (asJson) {
    const state = last?.fate === "done" ? "done" : "gone";
    const entries = runs.map(({ entry }) => taskRunJson(entry));
    const func = last?.func || null;
    return await output.json({ spool: spool.dir, name, state, function: func, runs: entries });
  }
  await output.line(field("task", shownName(past)));
  await output.line(field("spool", safeText(spool.dir)));
  await output.line(field("state", pastText(past)));
  if (last?.func) await output.line(field("function", safeText(last.func)));
  await showRuns(runs, output);
}

function shownName({ name }: PastTask): string {
  return safeLabel(name);
}

function* taskLines(
  task: Inspected,
  now: number,
  limit: ReachedLimit | null,
): Generator<string> {
  yield field("task", shortId(task));
  yield field("file", safeText(task.path));
  yield* detailLines(task, now, limit);
}

/** What follows where a task is. */
export function* detailLines(
  task: Inspected,
  now: number,
  limit: ReachedLimit | null = null,
): Generator<string> {
  const { content, attempts } = task;
  yield field("state", stateText(task));
  if (limit !== null) yield field("waits for", safeText(limitText(limit)));
  yield field("made", `${timeText(task.madeAt)}, ${roughText(now - task.madeAt)} ago`);
  if (content.kind === "task") {
    yield field("body", counted(content.bodySize, "byte"));
    yield field("keys", String(content.vars.length));
    for (const { name, value } of content.vars) {
      yield `  ${safeBytes(name)} = ${safeBytes(value)}`;
    }
  } else {
    yield field("size", counted(task.size, "byte"));
    const owner = content.reason === DENIED ? ` (${ownerText(task.path)})` : "";
    yield field("content", `cannot be read: ${content.reason}${owner}`);
  }
  const { recordProblem } = task;
  yield field("failures", attempts ? String(attempts.failures) : recordProblem ?? "0");
  if (!attempts) return;
  yield `  first  ${timeText(attempts.firstFailureAt)}`;
  yield `  last   ${timeText(attempts.lastFailureAt)}: ${safeText(attempts.reason)}`;
  if (attempts.crashes) yield `  the program died during ${attempts.crashes} of its runs`;
  if (attempts.stderr === "") return;
  yield "  the end of its error output:";
  for (const line of attempts.stderr.trimEnd().split("\n")) yield `  | ${safeText(line)}`;
}

export function field(label: string, value: string): string {
  return `${label.padEnd(9)} ${value}`;
}

function stateText({ state, recordProblem, waitsFor }: Inspected): string {
  switch (state.kind) {
    case "ready":
      return `ready, due since ${timeText(state.dueAt)}`;
    case "deferred":
      return waitsFor.length > 0
        ? `deferred until these are done: ${waitsFor.map(safeLabel).join(" ")}`
        : `deferred until ${timeText(state.dueAt)}`;
    case "running":
      return "running";
    case "failed":
      return state.record === null
        ? `failed, ${recordProblem ?? "without a record of why"}`
        : `failed at ${timeText(state.record.failedAt)}: ${safeText(state.record.reason)}`;
    default:
      return state satisfies never;
  }
}
