/** `spooler wait`: waits until a task is done or given up. */

import { watchTask } from "../spool/task_watch.ts";
import type { Watcher } from "../spool/watcher.ts";
import { readArgs } from "./args.ts";
import { explainDenial } from "./denied.ts";
import { UsageError } from "./error.ts";
import { CliOutput, note } from "./output.ts";
import { safeText } from "../report/safe_text.ts";
import type { Attempts } from "../spool/task.ts";
import {
  findTask,
  type Located,
  missText,
  type OpenSpool,
  openSpools,
  parseDurationOption,
  taskWords,
  WHERE,
} from "./spools.ts";
import { shortId } from "../report/task_name.ts";
import { parseTaskWord } from "./task_id.ts";
import { isoText } from "../report/task_summary.ts";

/** For file systems that report nothing of what other machines do. */
const LOOK_AGAIN_MS = 5000;

/** How the wait ended. */
export type End =
  | { readonly kind: "done" }
  | { readonly kind: "failed"; readonly reason: string; readonly failedAt: number | null }
  | { readonly kind: "timeout" };

export async function wait(args: readonly string[]): Promise<number> {
  const { options, flags, words } = readArgs("wait", args, [...WHERE, "timeout"], ["json"]);
  const [word] = taskWords(words);
  if (word === undefined || words.length > 1) throw new UsageError("wait needs the NAME of a task");
  parseTaskWord(word);
  const timeoutMs = options.timeout === undefined
    ? Infinity
    : parseDurationOption("timeout", options.timeout);
  const spools = await openSpools("wait", options, { words: [word] });
  const named = await explainDenial("wait", spools, () => findTask(spools, word));
  if (named.kind === "many") throw new Error(missText(word, named));
  // A task that was done at once is gone before its name can be asked for: that is no error.
  const begun = () => {
    if (named.kind === "one" && !flags.has("json")) note(`${shortId(named.task)}: waiting`);
  };
  const end: End = named.kind === "none"
    ? { kind: "done" }
    : await waitFor(named, { timeoutMs, begun });
  const name = named.kind === "none" ? safeText(word) : shortId(named.task);
  const output = new CliOutput();
  if (flags.has("json")) {
    await output.json(endJson(word, end, named.kind === "one"));
  } else if (end.kind === "done") {
    await output.line(`${name}: ${named.kind === "one" ? "done" : "not here: done, or never was"}`);
  } else note(`${name}: ${end.kind === "failed" ? failedText(end.reason) : "still not done"}`);
  await output.flush();
  return end.kind === "done" ? 0 : 1;
}

export function failedText(reason: string): string {
  return `failed: ${safeText(reason)}`;
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
