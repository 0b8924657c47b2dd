/** How a task is named to people and programs: `[failed/][<digits>/]NAME`. @pure */

import type { PlacedTask } from "../spool/inspected.ts";
import { FAILED_DIR, taskId, taskLabel, type TaskRef } from "../spool/layout.ts";
import { safeText } from "./safe_text.ts";

/** The name that finds this very task: `failed/` distinguishes it from one that waits under the same name. */
export function placedId(task: PlacedTask): string {
  return task.place === "failed" ? `${FAILED_DIR}/${taskId(task)}` : taskId(task);
}

/** {@link taskLabel} where people read it. */
export function safeLabel(name: string): string {
  return safeText(taskLabel(name));
}

/** What people read and may type: without the prefix that all names share. */
export function shortId({ name, priority }: TaskRef): string {
  return safeText(taskId({ name: taskLabel(name), priority }));
}
