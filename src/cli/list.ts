/** `spooler list`: the tasks of a spool, in a table or as lines of JSON. */

import { type Inspected, type ListedStateKind, STATE_KINDS } from "../spool/inspected.ts";
import { timeText } from "../platform/local_time.ts";
import { noWords, readArgs } from "./args.ts";
import { explainDenial } from "./denied.ts";
import { type ListFilter, survey } from "../spool/matching.ts";
import type { PlainTask } from "../spool/plain_task.ts";
import { readFilter } from "./filter.ts";
import { listDone } from "./list_done.ts";
import { CliOutput, note } from "./output.ts";
import { Progress } from "./progress.ts";
import { safeText } from "../report/safe_text.ts";
import { countOf, isStream, type OpenSpool, openSpools, WHERE } from "./spools.ts";
import { stateColour } from "./look.ts";
import { Table, type TableColumn } from "./table.ts";
import { lookOfOutput } from "./terminal.ts";
import {
  compareSummaries,
  HEADINGS,
  plainSummary,
  summaryCells,
  summaryJson,
  summaryOf,
  type TaskSummary,
} from "../report/task_summary.ts";

const COLUMNS: readonly TableColumn[] = HEADINGS.map((heading) => ({
  heading,
  ...(heading === "STATE" ? { colour: stateColour } : {}),
  ...(heading === "NAME" ? { cut: "start" as const } : {}),
}));

/** Up to this many tasks are sorted; more are shown as they are found, in bounded memory. */
const SORTED_TASKS = 10_000;
/** Where they are not sorted, so many decide how wide the columns are. */
const FIRST_ROWS = 1000;
/** The others are shown at once: what is kept for longer V8 copies, which took half of the time. */
const ROWS_AT_ONCE = 100;

export async function list(args: readonly string[]): Promise<number> {
  const { options, flags, words } = readArgs("list", args, [...WHERE, "state", "func", "older"], [
    "json",
  ]);
  noWords("list", words);
  if (isStream(options.dir)) {
    const { listStream } = await import("./stream_list.ts");
    return await listStream(options, flags.has("json"));
  }
  const spools = await openSpools("list", options);
  const { done, others } = wantedStates(options.state);
  const output = new CliOutput();
  const listAll = async () => {
    for (const spool of spools) {
      const { state: _, ...rest } = options;
      const wanted = others?.length ? { ...rest, state: others.join(",") } : rest;
      const filter = readFilter(wanted, spool.clock.now());
      if (others?.length !== 0) {
        if (flags.has("json")) await listJson(spool, filter, output);
        else await listTable(spool, filter, output);
        await output.flush();
        if (!output.closed) noteStranded(spool);
      }
      if (done) await listDone(spool, filter, flags.has("json"), output);
    }
  };
  try {
    await explainDenial("list", spools, listAll);
  } finally {
    await output.flush();
  }
  return 0;
}

/** The history has what is done, the spool has the others: null is all of them, none is []. */
function wantedStates(text: string | undefined): { done: boolean; others: string[] | null } {
  if (text === undefined) return { done: false, others: null };
  const states = text.split(",");
  return { done: states.includes("done"), others: states.filter((each) => each !== "done") };
}

async function listJson(spool: OpenSpool, filter: ListFilter, output: CliOutput): Promise<void> {
  await sortedWhileFew(spool, filter, output, (summaries) => {
    const now = spool.clock.now();
    output.addJson(summaries.map((summary) => summaryJson(summary, spool.dir, now)));
  });
}

async function listTable(spool: OpenSpool, filter: ListFilter, output: CliOutput): Promise<void> {
  const table = new Table(COLUMNS, lookOfOutput());
  const counts = new Map<ListedStateKind, number>();
  const isSorted = await sortedWhileFew(spool, filter, output, (summaries) => {
    const now = spool.clock.now();
    for (const { state } of summaries) counts.set(state, (counts.get(state) ?? 0) + 1);
    output.add(table.lines(summaries.map((summary) => summaryCells(summary, now))));
  });
  await output.flush();
  if (output.closed) return;
  const found = STATE_KINDS.flatMap((kind) => {
    const count = counts.get(kind);
    return count ? [`${count} ${kind}`] : [];
  });
  const order = isSorted ? "" : `; not sorted, because they are more than ${SORTED_TASKS}`;
  note(`${safeText(spool.dir)}: ${found.join(", ") || "no tasks"}${order}`);
  const pausedSince = spool.inspector.pausedSince();
  if (pausedSince !== null) note(`paused since ${timeText(pausedSince)}: nothing is started`);
}

/** Tasks that no program finds are no part of the list, and yet not to be overlooked. */
function noteStranded({ store }: OpenSpool): void {
  for (const dir of store.stranded()) {
    const path = safeText(`${store.dir}/${dir}/`);
    note(`${path} has tasks that never run: the name of a priority directory must be all digits`);
  }
}

/**
 * Hands on the tasks: all of them sorted, or, of very many, pieces in the order they were found. When
 * something cannot be read, what was found before comes first and then the error.
 *
 * @returns whether they were sorted
 */
async function sortedWhileFew(
  spool: OpenSpool,
  filter: ListFilter,
  output: CliOutput,
  show: (summaries: readonly TaskSummary[]) => void,
): Promise<boolean> {
  const { inspector, libc, clock } = spool;
  let gathered: TaskSummary[] = [];
  // Of very many the first is to be seen at once, and not when so many others were read.
  let isSorted = !isWhole(filter) || !hasMore(inspector.list(filter), SORTED_TASKS);
  using progress = new Progress(() => countOf([spool], filter), true);
  let isShown = false;
  const showGathered = () => {
    show(isSorted ? gathered.toSorted(compareSummaries) : gathered);
    isShown = true;
    gathered = [];
  };
  const found = (task: PlainTask | Inspected) => {
    gathered.push("content" in task ? summaryOf(task) : plainSummary(task));
    if (isShown && gathered.length >= ROWS_AT_ONCE) showGathered();
  };
  const now = clock.now();
  try {
    for (const _ of survey({ inspector, libc, filter, now, found, examined: progress.step })) {
      if (output.closed) return isSorted;
      if (gathered.length > SORTED_TASKS) isSorted = false;
      if (!isSorted && gathered.length >= FIRST_ROWS) showGathered();
      await output.flushFull();
    }
  } finally {
    showGathered();
    await output.flushFull();
  }
  return isSorted;
}

function isWhole({ states, func, madeBefore }: ListFilter): boolean {
  return states === undefined && func === undefined && madeBefore === undefined;
}

function hasMore(pieces: Iterable<readonly unknown[]>, limit: number): boolean {
  let count = 0;
  for (const { length } of pieces) if ((count += length) > limit) return true;
  return false;
}
