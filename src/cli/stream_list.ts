/** `spooler list` of a stream of NATS: as the tasks are found, so that the first line comes at once. */

import { idLabel, type StreamTask } from "../cluster/stream_task.ts";
import { systemClock } from "../platform/clock.ts";
import { timeText } from "../platform/local_time.ts";
import { cutText } from "../report/shown_bytes.ts";
import { safeText } from "../report/safe_text.ts";
import { HEADINGS, summaryCells, summaryJson, summaryOf } from "../report/task_summary.ts";
import { type ListedStateKind, STATE_KINDS } from "../spool/inspected.ts";
import { findText } from "../wire/packet.ts";
import { streamPausedSince } from "../cluster/stream_pause.ts";
import { UsageError } from "./error.ts";
import { readFilter } from "./filter.ts";
import { stateColour } from "./look.ts";
import { CliOutput, note } from "./output.ts";
import { withStream } from "./stream_link.ts";
import { Table } from "./table.ts";
import { lookOfOutput } from "./terminal.ts";

/** Before the last column. */
const ID = HEADINGS.length - 1;
const ID_WIDTH = 60;
const COLUMNS = HEADINGS.toSpliced(ID, 0, "ID").map((heading) => ({
  heading,
  ...(heading === "STATE" ? { colour: stateColour } : {}),
  ...(heading === "ID" ? { cut: "start" as const } : {}),
}));

/** Rows of a piece: the first one decides how wide the columns are. */
const PIECE = 100;

interface StreamListOptions {
  readonly dir?: string;
  readonly ini?: string;
  readonly state?: string;
  readonly func?: string;
  readonly older?: string;
}

export async function listStream(options: StreamListOptions, isJson: boolean): Promise<number> {
  if (options.state?.split(",").includes("done")) {
    throw new UsageError("list --state done needs a spool: a stream forgets what is done");
  }
  const filter = readFilter(options, systemClock.now());
  return await withStream(options, async (queue) => {
    const output = new CliOutput();
    const table = new Table(COLUMNS, lookOfOutput());
    const counts = new Map<ListedStateKind, number>();
    let rows: string[][] = [];
    const showRows = async () => {
      await output.lines(table.lines(rows));
      await output.flush();
      rows = [];
    };
    for await (const task of queue.list(filter)) {
      if (output.closed) return 0;
      const { kind } = task.state;
      counts.set(kind, (counts.get(kind) ?? 0) + 1);
      if (isJson) await output.json(streamSummaryJson(task, queue.address));
      else if (rows.push(cellsOf(task)) >= PIECE) await showRows();
    }
    await showRows();
    if (isJson || output.closed) return 0;
    const found = STATE_KINDS.flatMap((kind) => {
      const count = counts.get(kind);
      return count ? [`${count} ${kind}`] : [];
    });
    note(`${safeText(queue.address)}: ${found.join(", ") || "no tasks"}`);
    const since = await streamPausedSince(queue.link);
    if (since !== null) note(`paused since ${timeText(since)}: nothing is started`);
    return 0;
  });
}

function cellsOf(task: StreamTask): string[] {
  const cells = summaryCells(summaryOf(task), systemClock.now());
  return cells.toSpliced(ID, 0, cutText(safeText(idLabel(task.id)), ID_WIDTH));
}

/** A line of `list`, of a message. */
function streamSummaryJson(task: StreamTask, address: string): object {
  return {
    ...summaryJson(summaryOf(task), address, systemClock.now()),
    ...streamFields(task),
  };
}

/** What a message has that a file has not. */
export function streamFields({ id, content, storedBody }: StreamTask): object {
  return {
    id,
    priority: content.kind === "task" ? findText(content.vars, "priority") ?? null : null,
    // The object store has it, and would have to be asked.
    ...(storedBody === null ? {} : { bodySize: null }),
  };
}
