/** What the end of a worker's process means. */

import { type Exit, exitText } from "../exec/process.ts";
import type { WorkerEnd } from "./worker_listener.ts";

/** How it stood with a worker when its process ended. */
export interface LastMoment {
  readonly wasStopping: boolean;
  /** It ends with the program. */
  readonly isInterrupted: boolean;
  /** Why it was ended by us; null when it was not. */
  readonly doom: string | null;
}

export function endOf(
  exit: Exit,
  { wasStopping, isInterrupted, doom }: LastMoment,
): Pick<WorkerEnd, "isAsked" | "reason"> {
  const hasObeyed = wasStopping && doom === null && exit.kind === "code" && exit.code === 0;
  return { isAsked: isInterrupted || hasObeyed, reason: doom ?? endText(exit) };
}

function endText(exit: Exit): string {
  if (exit.kind === "code") return `the worker ended with ${exitText(exit)}`;
  return `the worker ${exit.kind === "signal" ? "was " : ""}${exitText(exit)}`;
}
