/** Tasks that run, in a table. @pure */

import { progressText } from "../report/progress_text.ts";
import type { RunningTaskSnapshot } from "../report/snapshot.ts";
import { shortId } from "../report/task_name.ts";
import { refOf } from "../spool/layout.ts";
import { href, type Html, markup } from "./html.ts";
import { table } from "./table.ts";
import { roughText } from "../platform/duration_text.ts";

export function runningTable(
  running: readonly RunningTaskSnapshot[],
  now: number,
): Html {
  return table("Running tasks", running, [
    {
      head: "Task",
      cell: ({ spool, id }) =>
        markup`<a href="${href(["tasks", spool, ...id.split("/")])}">${shortId(refOf(id))}</a>`,
    },
    {
      head: "Function",
      cell: ({ function: func }) => func === "" ? markup`<span class="none">–</span>` : func,
    },
    { head: "Spool", cell: ({ spool }) => spool },
    { head: "For", isNumber: true, cell: ({ startedAt }) => roughText(now - startedAt) },
    {
      head: "Progress",
      cell: ({ progress }) =>
        progress === undefined ? markup`<span class="none">–</span>` : progressText(progress),
    },
    { head: "Attempt", isNumber: true, cell: ({ attempt }) => attempt },
    { head: "Pid", isNumber: true, cell: ({ pid }) => pid },
  ]);
}
