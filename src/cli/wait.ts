/** `spooler wait`: waits until tasks are done or given up. */

import { watchTask } from "../spool/task_watch.ts";
import type { Watcher } from "../spool/watcher.ts";
import { exitCodeIn } from "../exec/process.ts";
import { readArgs } from "./args.ts";
import { explainDenial } from "./denied.ts";
import { UsageError } from "./error.ts";
import { CliOutput, note } from "./output.ts";
import { safeText } from "../report/safe_text.ts";
import type { Attempts } from "../spool/task.ts";
import {
  findTask,
  isStream,
  type Located,
  missText,
  type OpenSpool,
  openSpools,
  taskWords,
  WHERE,
} from "./spools.ts";
import { parseDurationOption } from "./duration_option.ts";
import { safeLabel, shortId } from "../report/task_name.ts";
import { resultText } from "../history/run_text.ts";
import { systemClock } from "../platform/clock.ts";
import { findPast } from "./past_runs.ts";
import { parseTaskWord } from "./task_id.ts";
import { isoText } from "../report/task_summary.ts";

/** For file systems that report nothing of what other machines do. */
const LOOK_AGAIN_MS = 5000;

/** The history has what ended before, after so long at most. */
const HISTORY_WITHIN_MS = 1000;
const SEARCH_AGAIN_MS = 100;

/** How the wait ended. */
export type End =
  | { readonly kind: "done" }
  | { readonly kind: "failed"; readonly reason: string; readonly failedAt: number | null }
  | { readonly kind: "timeout" };

/** How the wait for a name ended; `unknown`: no task has that name, `ambiguous`: several have it. */
export type NamedEnd =
  | { readonly kind: "end"; readonly name: string; readonly end: End; readonly wasSeen: boolean }
  | { readonly kind: "unknown" | "ambiguous"; readonly text: string };

export async function wait(args: readonly string[]): Promise<number> {
  const { options, flags, words: given } = readArgs("wait", args, [...WHERE, "timeout"], ["json"]);
  const words = taskWords(given);
  if (words.length === 0) throw new UsageError("wait needs the NAME of a task");
  const timeoutMs = options.timeout === undefined
    ? Infinity
    : parseDurationOption("timeout", options.timeout);
  if (isStream(options.dir)) {
    const { waitInStream } = await import("./stream_wait.ts");
    return await waitInStream(options, given, { timeoutMs, isJson: flags.has("json") });
  }
  for (const word of words) parseTaskWord(word);
  const spools = await openSpools("wait", options, { words });
  const output = new CliOutput();
  const isJson = flags.has("json");
  const endAt = systemClock.monotonic() + timeoutMs;
  let areDone = true;
  // One after the other: the last to end decides how long it takes.
  for (const word of words) {
    const ended = await explainDenial("wait", spools, () =>
      waitForWord(spools, word, {
        timeoutMs: endAt - systemClock.monotonic(),
        noteBegun: !isJson,
      }));
    if (ended.kind !== "end" || ended.end.kind !== "done") areDone = false;
    if (isJson) await output.json(namedEndJson(word, ended));
    else if (ended.kind !== "end") note(ended.text);
    else {
      const text = `${ended.name}: ${endText(ended.end)}`;
      if (ended.end.kind === "done") await output.line(text);
      else note(text);
    }
    await output.flush();
  }
  return areDone ? 0 : 1;
}

interface WordWait {
  readonly timeoutMs: number;
  /** Says that it waits. */
  readonly noteBegun: boolean;
}

/** What is nowhere may just have ended: its entry comes into the history a moment later. */
async function waitForWord(
  spools: readonly OpenSpool[],
  word: string,
  { timeoutMs, noteBegun }: WordWait,
): Promise<NamedEnd> {
  for (let leftMs = HISTORY_WITHIN_MS;; leftMs -= SEARCH_AGAIN_MS) {
    const named = findTask(spools, word);
    if (named.kind === "many") return { kind: "ambiguous", text: missText(word, named) };
    if (named.kind === "one") {
      const name = shortId(named.task);
      const begun = () => noteBegun ? note(`${name}: waiting`) : undefined;
      const end = await waitFor(named, { timeoutMs, begun });
      return { kind: "end", name, end, wasSeen: true };
    }
    const past = findPast(spools, word);
    if (past.kind === "many") return { kind: "ambiguous", text: missText(word, past) };
    const last = past.kind === "one" ? past.runs.at(-1)?.entry : undefined;
    // Another run than the last that is known may have ended it a moment ago.
    if (past.kind === "one" && last && (last.fate === "done" || leftMs <= 0)) {
      const end: End = last.fate === "done"
        ? { kind: "done" }
        : { kind: "failed", reason: resultText(last), failedAt: last.startedAt + last.tookMs };
      return { kind: "end", name: safeLabel(past.name), end, wasSeen: false };
    }
    if (leftMs <= 0) return { kind: "unknown", text: unknownText(spools, word) };
    const pause = Promise.withResolvers<void>();
    systemClock.after(SEARCH_AGAIN_MS, pause.resolve);
    await pause.promise;
  }
}

function unknownText(spools: readonly OpenSpool[], word: string): string {
  const hasHistory = spools.some(({ store }) => store.history.segments().length > 0);
  const where = hasHistory ? "neither in the spool nor in its history" : "not in the spool";
  return `${safeText(word)}: no such task: ${where}`;
}

export function endText(end: End): string {
  switch (end.kind) {
    case "done":
      return "done";
    case "failed":
      return `failed: ${safeText(end.reason)}`;
    case "timeout":
      return "still not done";
    default:
      return end satisfies never;
  }
}

/** The exit code of a command that has waited for one task. */
export function exitCodeOf(end: End): number {
  switch (end.kind) {
    case "done":
      return 0;
    case "timeout":
      return 1;
    case "failed":
      return exitCodeIn(end.reason) ?? 1;
    default:
      return end satisfies never;
  }
}

export function namedEndJson(word: string, ended: NamedEnd): object {
  return ended.kind === "end"
    ? endJson(word, ended.end, ended.wasSeen)
    : { name: word, result: ended.kind, wasSeen: false, reason: ended.text };
}

export function endJson(name: string, end: End, wasSeen: boolean): object {
  const common = { name, result: end.kind, wasSeen };
  return end.kind === "failed"
    ? {
      ...common,
      reason: end.reason,
      failedAt: end.failedAt === null ? null : isoText(end.failedAt),
    }
    : common;
}

export interface Waiting {
  readonly timeoutMs: number;
  /** Called when the first check has found something to wait for. */
  begun?(): void;
  /** Called after each run that has failed, and that will be followed by another. */
  failed?(attempts: Attempts): void;
}

/** Checks after every event of the task's file, and from time to time. */
export async function waitFor(
  { spool, task }: Located,
  { timeoutMs, begun, failed }: Waiting,
): Promise<End> {
  const { clock, libc } = spool;
  let checks = 0;
  let failures = 0;
  const endAt = clock.monotonic() + timeoutMs;
  while (true) {
    const event = Promise.withResolvers<void>();
    let watcher: Watcher | null = null;
    let cancel = () => {};
    try {
      // Watched before it is checked, so that nothing in between is missed.
      const placed = placeOf(spool, task);
      if (libc && placed) watcher = watchTask(spool.inspector.pathOf(placed), libc, event.resolve);
      const end = endOf(spool, task);
      if (end) return end;
      if (checks++ === 0) begun?.();
      const attempts = placed && failed ? spool.inspector.inspect(placed)?.attempts : null;
      if (attempts && attempts.failures > failures) failed?.(attempts);
      failures = attempts?.failures ?? failures;
      const leftMs = endAt - clock.monotonic();
      if (leftMs <= 0) return { kind: "timeout" };
      cancel = clock.after(Math.min(leftMs, LOOK_AGAIN_MS), event.resolve);
      await event.promise;
    } finally {
      cancel();
      await watcher?.close();
    }
  }
}

/** Where the task lies now; null when it is nowhere. */
function placeOf({ inspector }: OpenSpool, task: Located["task"]): Located["task"] | null {
  // It moves from the queue to failed/, and back when an operator retries it: the second check is for one
  // that moved back while the first went from the one place to the other.
  const find = () => inspector.find(task.name, task.priority)[0];
  return find() ?? find() ?? null;
}

function endOf(spool: OpenSpool, task: Located["task"]): End | null {
  const placed = placeOf(spool, task);
  if (!placed) return { kind: "done" };
  if (placed.place === "queue") return null;
  const inspected = spool.inspector.inspect(placed);
  // It was retried meanwhile.
  if (inspected?.state.kind !== "failed") return null;
  const { state: { record }, recordProblem } = inspected;
  return {
    kind: "failed",
    reason: record?.reason ?? recordProblem ?? "without a record of why",
    failedAt: record?.failedAt ?? null,
  };
}
