/** What `retry` and `remove` share: one task after the other, and a line about each. */

import { dirname } from "@std/path";
import { DENIED } from "../platform/reason.ts";
import type { Changed } from "../spool/store.ts";
import { denialText } from "./denied.ts";
import { UsageError } from "./error.ts";
import { type CliOutput, note } from "./output.ts";
import { Progress } from "./progress.ts";
import { safeText } from "../report/safe_text.ts";
import { findTask, type Located, missText, type OpenSpool } from "./spools.ts";
import { shortId } from "../report/task_name.ts";
import { parseTaskWord } from "./task_id.ts";

/** How a command changes one task, and how it says so. */
export interface TaskChange {
  /** The word for it: `retried`, `removed`. */
  readonly done: string;
  /** The word for a task that needed no change. */
  readonly unchanged: string;
  act(located: Located): Promise<Changed>;
}

export interface ChangeReport {
  /** The command's name. */
  readonly command: string;
  readonly output: CliOutput;
  readonly json: boolean;
}

/** @throws {UsageError} when a word can name no task, before anything is changed */
export function checkWords(command: string, words: readonly string[]): void {
  checkGiven(command, words);
  for (const word of words) parseTaskWord(word);
}

/** @throws {UsageError} when there is none */
export function checkGiven(command: string, words: readonly string[]): void {
  if (words.length === 0) throw new UsageError(`${command} needs the NAME of a task`);
}

/** Changes the tasks that the words name; returns whether each is now as asked. */
export async function changeNamed(
  spools: readonly OpenSpool[],
  words: readonly string[],
  change: TaskChange,
  report: ChangeReport,
): Promise<boolean> {
  let allWell = true;
  using progress = new Progress(() => words.length);
  for (const word of words) {
    progress.step();
    const named = findTask(spools, word);
    if (named.kind === "one") {
      if (!await changeOne(named, change, report)) allWell = false;
      continue;
    }
    allWell = false;
    if (report.json) {
      const result = named.kind === "none" ? "not found" : "ambiguous";
      await report.output.json({ name: word, result, reason: missText(word, named) });
    } else await complainAmong(report.output, missText(word, named));
  }
  return allWell;
}

/** Changes one task and says so; false when it could not be. */
export async function changeOne(
  located: Located,
  change: TaskChange,
  { command, output, json }: ChangeReport,
): Promise<boolean> {
  const { spool, task } = located;
  const changed = await explained(await change.act(located), command, located);
  const said = describe(changed, change);
  if (json) {
    const { name, priority, place } = task;
    const was = changed.kind === "changed" ? { was: changed.was } : {};
    const reason = said.ok ? {} : { reason: said.text };
    await output.json({
      spool: spool.dir,
      name,
      priority,
      from: place,
      result: said.result,
      ...was,
      ...reason,
    });
  } else if (said.ok) await output.line(`${shortId(task)}: ${said.text}`);
  else await complainAmong(output, `${shortId(task)}: ${safeText(said.text)}`);
  return said.ok;
}

/** A refusal of the system says whose the file is, and what to do. */
async function explained(changed: Changed, command: string, { spool, task }: Located) {
  if (changed.kind !== "refused" || changed.reason !== DENIED) return changed;
  const path = spool.inspector.pathOf(task);
  const reason = await denialText(command, [path, dirname(path)]);
  return { ...changed, reason: reason ?? changed.reason };
}

/** A complaint among the lines of stdout, in its place on a terminal. */
export async function complainAmong(output: CliOutput, text: string): Promise<void> {
  await output.flush();
  note(text);
}

interface Said {
  readonly ok: boolean;
  readonly result: string;
  readonly text: string;
}

/** What came of a change, in words. */
export function describe(
  changed: Changed,
  { done, unchanged }: Pick<TaskChange, "done" | "unchanged">,
): Said {
  switch (changed.kind) {
    case "changed": {
      const before = changed.was === "failed" ? "had failed" : `was ${changed.was}`;
      return { ok: true, result: done, text: `${done}, ${before}` };
    }
    case "unchanged":
      return { ok: true, result: "unchanged", text: unchanged };
    case "running":
      return { ok: false, result: "running", text: "is running: not changed" };
    case "gone":
      return { ok: false, result: "gone", text: "is gone: done or removed meanwhile" };
    case "refused":
      return { ok: false, result: "refused", text: `not changed: ${changed.reason}` };
    default:
      return changed satisfies never;
  }
}
