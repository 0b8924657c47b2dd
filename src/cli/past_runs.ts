/** Tasks whose files are gone, as the commands find and show them: by the history of their spools. */

import { isAbsolute } from "@std/path";
import type { TaskEntry } from "../history/entry.ts";
import { attemptsOf, type Found, tasksIn } from "../history/reader.ts";
import { effortText, resultText } from "../history/run_text.ts";
import { timeText } from "../platform/local_time.ts";
import { nameFromShown } from "../platform/name.ts";
import { taskLabel } from "../spool/layout.ts";
import { safeText } from "../report/safe_text.ts";
import type { OpenSpool } from "./spools.ts";
import { isShortFor, parseTaskWord } from "./task_id.ts";

/** A task, and its runs that the history still has, the first one first. */
export interface PastTask {
  readonly spool: OpenSpool;
  readonly name: string;
  readonly runs: readonly Found<TaskEntry>[];
}

export type PastMatch =
  | ({ readonly kind: "one" } & PastTask)
  | { readonly kind: "none" }
  | { readonly kind: "many"; readonly ids: readonly string[] };

/** The task that a word names among those that have run; also by the beginning or the end of its name. */
export function findPast(spools: readonly OpenSpool[], word: string): PastMatch {
  const holder = spools.find(({ dir }) => word.startsWith(`${dir}/`));
  const typed = parseTaskWord(word, holder?.dir);
  const searched = !isAbsolute(word) ? spools : holder ? [holder] : [];
  const having = (name: string) =>
    searched.filter((spool) => hasRun(spool, name)).map((spool) => ({ spool, name }));
  const literal = having(typed.name);
  const exact = literal.length > 0 ? literal : having(nameFromShown(typed.name));
  const found = exact.length > 0 || isAbsolute(word) ? exact : searched.flatMap((spool) => {
    const names = new Set([...tasksIn(spool.store.history)].map(({ entry }) => entry.name));
    return [...names].filter((name) => isShortFor(typed, name)).map((name) => ({ spool, name }));
  });
  const [first, second] = found;
  if (first === undefined) return { kind: "none" };
  if (second !== undefined) {
    return {
      kind: "many",
      ids: found.map(({ spool, name }) => `${spool.dir}: ${taskLabel(name)}`),
    };
  }
  return { kind: "one", ...first, runs: attemptsOf(first.spool.store.history, first.name) };
}

/** Whether the history knows a task of this whole name. */
export function hasRun({ store }: OpenSpool, name: string): boolean {
  return tasksIn(store.history, { name }).next().done !== true;
}

/** The runs as lines of `show`. */
export function* runLines(runs: readonly Found<TaskEntry>[]): Generator<string> {
  for (const { entry } of runs) {
    const started = timeText(entry.startedAt);
    yield `  ${entry.attempt}  ${started}  ${resultText(entry)} (${effortText(entry)})`;
  }
}

/** What became of a task by its last run. */
export function pastText({ runs }: PastTask): string {
  const last = runs.at(-1)?.entry;
  if (last === undefined) return "gone";
  const endedAt = timeText(last.startedAt + last.tookMs);
  return last.fate === "done" ? `done at ${endedAt}` : `gone; last ${safeText(resultText(last))}`;
}
