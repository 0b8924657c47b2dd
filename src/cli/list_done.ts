/** `spooler list --state done`: the tasks that are done, as far as the history has them, the last one first. */

import type { TaskEntry } from "../history/entry.ts";
import { tasksIn } from "../history/reader.ts";
import { taskRunJson } from "../history/run_text.ts";
import { counted } from "../platform/count_text.ts";
import { measuredText } from "../platform/duration_text.ts";
import { timeText } from "../platform/local_time.ts";
import { safeText } from "../report/safe_text.ts";
import { safeLabel } from "../report/task_name.ts";
import { isoText } from "../report/task_summary.ts";
import { cutText } from "../report/shown_bytes.ts";
import { madeAt } from "../spool/layout.ts";
import type { ListFilter } from "../spool/matching.ts";
import { type CliOutput, note } from "./output.ts";
import type { OpenSpool } from "./spools.ts";
import { stateColour } from "./look.ts";
import { Table, type TableColumn } from "./table.ts";
import { lookOfOutput } from "./terminal.ts";

const COLUMNS: readonly (string | TableColumn)[] = [
  { heading: "STATE", colour: stateColour },
  "STARTED",
  "TOOK",
  "WAITED",
  "RUNS",
  "FUNCTION",
  { heading: "NAME", cut: "start" },
];
const FUNCTION_WIDTH = 40;
/** Rows of a piece: the first one decides how wide the columns are. */
const PIECE = 1000;

export async function listDone(
  spool: OpenSpool,
  filter: ListFilter,
  isJson: boolean,
  output: CliOutput,
): Promise<void> {
  const table = new Table(COLUMNS, lookOfOutput());
  let total = 0;
  let rows: string[][] = [];
  const showRows = async () => {
    for (const line of table.lines(rows)) await output.line(line);
    rows = [];
  };
  for (const entry of doneTasks(spool, filter)) {
    if (output.closed) return;
    total++;
    if (isJson) await output.json(doneJson(entry, spool.dir));
    else if (rows.push(cellsOf(entry)) >= PIECE) await showRows();
  }
  if (total === 0) spool.store.history.mustBeReadable();
  await showRows();
  await output.flush();
  if (isJson || output.closed) return;
  const count = total === 0 ? "no tasks" : counted(total, "task");
  note(`${safeText(spool.dir)}: ${count} done, as far as the history has them (spooler-history)`);
}

function* doneTasks(
  { store }: OpenSpool,
  { func, madeBefore }: ListFilter,
): Generator<TaskEntry> {
  const filter = { fates: ["done"], ...(func === undefined ? {} : { func }) } as const;
  for (const { entry } of tasksIn(store.history, filter)) {
    const made = madeAt(entry.name) ?? entry.startedAt;
    if (madeBefore === undefined || made < madeBefore) yield entry;
  }
}

function cellsOf({ name, func, attempt, startedAt, tookMs, waitMs }: TaskEntry): string[] {
  return [
    "done",
    timeText(startedAt),
    measuredText(tookMs),
    waitMs === null ? "-" : measuredText(waitMs),
    String(attempt),
    func === "" ? "-" : cutText(safeText(func), FUNCTION_WIDTH),
    safeLabel(name),
  ];
}

function doneJson(entry: TaskEntry, spool: string): object {
  const { name, func, startedAt, tookMs } = entry;
  return {
    spool,
    name,
    state: "done",
    function: func === "" ? null : func,
    endedAt: isoText(startedAt + tookMs),
    ...taskRunJson(entry),
  };
}
