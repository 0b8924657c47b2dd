/** What a worker prints, as events: of a task, or of the worker itself. */

import type { OutputTaker } from "../exec/read_output.ts";
import type { Emit, Overflow } from "../report/event.ts";
import type { WorkerListener } from "./worker_listener.ts";

type OutputListener = Pick<WorkerListener, "output" | "dropped" | "overflow">;

/** What a process of a worker writes itself, under the name of the task that it runs. */
export function outputAs(
  task: () => string | null,
  listener: OutputListener,
): Omit<OutputTaker, "clock"> {
  const { overflow } = listener;
  return {
    output: (stream, line) => listener.output(task(), "", stream, line),
    dropped: (lines) => listener.dropped(task(), "", lines),
    ...(overflow ? { overflow: (over) => overflow(task(), "", over) } : {}),
  };
}

export interface OutputEventsOptions {
  readonly emit: Emit;
  /** The spool's name. */
  readonly spool: string;
  /** A history keeps what its tasks print. */
  readonly keepsOutput?: boolean | undefined;
}

export function outputEvents(
  { emit, spool, keepsOutput }: OutputEventsOptions,
): OutputListener {
  const isOfWorker = (task: string | null, func: string) => task === null && func === "";
  const overflow = (task: string | null, func: string, over: Overflow) => {
    if (task !== null) emit({ type: "task.overflow", task, func, ...over });
  };
  return {
    ...(keepsOutput ? { overflow } : {}),
    output(task, func, stream, line) {
      if (isOfWorker(task, func)) emit({ type: "worker.output", spool, stream, line });
      else emit({ type: "task.output", task: task ?? "", func, stream, line });
    },
    dropped(task, func, lines) {
      if (isOfWorker(task, func)) emit({ type: "worker.flooded", spool, lines });
      else emit({ type: "task.flooded", task: task ?? "", func, lines });
    },
  };
}
