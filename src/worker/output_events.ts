/** What a worker prints, as events: of a task, or of the worker itself. */

import type { Emit } from "../report/event.ts";
import type { WorkerListener } from "./worker_listener.ts";

/** @param about `spool` is the spool's name */
export function outputEvents(
  { emit, spool }: { readonly emit: Emit; readonly spool: string },
): Pick<WorkerListener, "output" | "dropped"> {
  const isOfWorker = (task: string | null, func: string) => task === null && func === "";
  return {
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
