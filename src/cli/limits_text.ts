/** The limits of tasks and of commands, as `spooler check` prints them. @pure */

import type { Config } from "../config/config.ts";
import type { TaskCommand } from "../exec/settings.ts";
import { counted } from "../platform/count_text.ts";
import { settingText } from "../platform/duration_text.ts";

/** Those of a command are shown with it. */
export function limitsText({ taskLimits, tasks }: Config): string[] {
  const ofCommands = tasks.filter(({ perKey }) => perKey !== undefined).length;
  return taskLimits.slice(0, taskLimits.length - ofCommands).map(({ func, key, processes }) => {
    const what = func ?? "all functions";
    return `${what}: ${processes} at a time${key === null ? "" : ` for each value of ${key}`}`;
  });
}

export function commandSettings(
  { processes, perKey, harakiriMs, maxRetries, stdin }: TaskCommand,
): string[] {
  return [
    ...(processes === null ? [] : [`${processes} at a time`]),
    ...(perKey ? [`${perKey.processes} at a time for each value of ${perKey.key}`] : []),
    ...(harakiriMs === undefined || harakiriMs === null
      ? []
      : [`harakiri after ${settingText(harakiriMs)}`]),
    ...(maxRetries === undefined ? [] : [`retried ${timesText(maxRetries)}`]),
    ...(stdin === "json" ? ["the task as JSON on its input"] : []),
  ];
}

export function timesText(count: number): string {
  return count === 1 ? "once" : counted(count, "time");
}
