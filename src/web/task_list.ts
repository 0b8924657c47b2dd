/**
 * Finds tasks of any number of spools, the newest first, a page at a time. Names say when their tasks were
 * made: so one pass over the directories finds the newest, and only these are opened. The time for one page
 * is bounded: where few of very many match, it ends early and says where to go on.
 */

import type { Clock } from "../platform/clock.ts";
import { madeAt } from "../spool/layout.ts";
import { type ListFilter, passes } from "../spool/matching.ts";
import type { Inspected, PlacedTask } from "../spool/inspected.ts";
import { placedId } from "../report/task_name.ts";
import { summaryOf } from "../report/task_summary.ts";
import { findText } from "../wire/packet.ts";
import type { SiteSpool } from "./parts.ts";
import { Turns } from "./turns.ts";

/** Where a page ends: the next one begins behind it. */
export interface Cursor {
  readonly madeAt: number;
  /** The spool and the task in it. */
  readonly key: string;
}

export interface TaskQuery extends ListFilter {
  /** In names, keys or errors, whatever their case. */
  readonly search?: string;
}

export interface FoundTask {
  readonly spool: SiteSpool;
  readonly task: Inspected;
}

export interface FoundTasks {
  readonly found: readonly FoundTask[];
  /** Where to go on; null when there is nothing more. */
  readonly next: Cursor | null;
  /** Tasks in the directories that were asked for, whether they match or not. */
  readonly seen: number;
}

interface Candidate extends Cursor {
  readonly spool: SiteSpool;
  readonly placed: PlacedTask;
}

export interface FindOptions {
  readonly clock: Clock;
  readonly limit: number;
  readonly after: Cursor | null;
}

/** For opening files, of one page. */
const BUDGET_MS = 200;
/** Of a page of a filter that lets few through. */
const MOST_CANDIDATES = 5000;

export async function findTasks(
  spools: readonly SiteSpool[],
  query: TaskQuery,
  { clock, limit, after }: FindOptions,
): Promise<FoundTasks> {
  const takesAll = query.func === undefined && query.search === undefined &&
    (query.states ?? ["failed"]).every((state) => state === "failed");
  const most = takesAll ? limit + 1 : MOST_CANDIDATES;
  const turns = new Turns(clock);
  const { candidates, seen } = await newest(spools, query, after, most, turns);
  const found: FoundTask[] = [];
  const until = clock.monotonic() + BUDGET_MS;
  let last: Candidate | null = null;
  for (const candidate of candidates) {
    if (found.length === limit || clock.monotonic() > until) return { found, next: last, seen };
    last = candidate;
    const { spool, placed } = candidate;
    if (!spool.inspector.mayPass(placed, query)) continue;
    const task = spool.inspector.inspect(placed);
    if (task !== null && passes(task, query) && isFoundBy(task, query.search)) {
      found.push({ spool, task });
    }
    await turns.give();
  }
  return { found, next: candidates.length === most ? last : null, seen };
}

/** The newest behind the cursor, sorted; never many more than `most` are kept. */
async function newest(
  spools: readonly SiteSpool[],
  query: TaskQuery,
  after: Cursor | null,
  most: number,
  turns: Turns,
) {
  let kept: Candidate[] = [];
  const bound = after;
  let worst: Cursor | null = null;
  let seen = 0;
  const cut = () => {
    kept = kept.sort(compare).slice(0, most);
    worst = kept.length === most ? kept.at(-1) ?? null : null;
  };
  for (const spool of spools) {
    for (const tasks of spool.inspector.list(query)) {
      seen += tasks.length;
      for (const placed of tasks) {
        const made = madeAt(placed.name) ?? 0;
        if (bound !== null && made > bound.madeAt) continue;
        if (worst !== null && made < (worst as Cursor).madeAt) continue;
        const candidate = { madeAt: made, key: `${spool.name}/${placedId(placed)}`, spool, placed };
        if (bound !== null && compare(candidate, bound) <= 0) continue;
        kept.push(candidate);
        if (kept.length >= 2 * most + 1000) cut();
      }
      await turns.give();
    }
  }
  cut();
  return { candidates: kept, seen };
}

function compare(a: Cursor, b: Cursor): number {
  return b.madeAt - a.madeAt || (a.key < b.key ? -1 : a.key > b.key ? 1 : 0);
}

/** Whether a text is in its name, its keys or its last error, whatever their case. */
export function isFoundBy(task: Inspected, search: string | undefined): boolean {
  if (search === undefined) return true;
  const wanted = search.toLowerCase();
  const has = (text: string | null | undefined) => text?.toLowerCase().includes(wanted) ?? false;
  if (has(placedId(task)) || has(summaryOf(task).lastError)) return true;
  const { content } = task;
  return content.kind === "task" && content.vars.some(({ name, value }) => {
    return has(decoder.decode(name)) || has(decoder.decode(value));
  });
}

const decoder = new TextDecoder();

/** The function of a task; null when it has none, or cannot be read. */
export function functionOf({ content }: Inspected): string | null {
  return content.kind === "task" ? findText(content.vars, "ud_spool_func") ?? null : null;
}
