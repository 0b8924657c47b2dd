/** What `spooler check` says of a stream whose tasks run here. @pure */

import type { StreamWorkConfig } from "../cluster/settings.ts";
import { settingText } from "../platform/duration_text.ts";

/** @param failing what becomes of tasks that fail */
export function streamText(
  { address, functions, spool, ackWaitMs }: StreamWorkConfig,
  failing: string,
): string {
  const { processes, harakiriMs } = spool;
  const work = [
    processes === 1 ? "one task at a time" : `${processes} tasks at a time`,
    harakiriMs === null ? "no harakiri" : `harakiri after ${settingText(harakiriMs)}`,
    functions === null ? "all functions" : `functions ${functions.join(" ")}`,
    `others get a task ${settingText(ackWaitMs)} after this machine is gone`,
  ];
  return [
    address.text,
    work.join(", "),
    `failing tasks: ${failing}`,
    `tasks are in ${spool.dir} while they run here`,
  ].join("\n      ");
}
