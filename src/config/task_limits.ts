/** `spooler-limit`, and `concurrency-key=` of `spooler-task`: which tasks may not all run together. @pure */

import type { TaskCommand } from "../exec/settings.ts";
import type { TaskLimit } from "../queue/task_limits.ts";
import type { Given } from "./given.ts";
import { parseInteger, parseKeyValues } from "./value.ts";

const KEYS = ["name", "concurrency-key", "processes"];

export function taskLimitsOf(given: Given, tasks: readonly TaskCommand[]): TaskLimit[] {
  const ofCommands = tasks.flatMap(({ name: func, perKey }) => perKey ? { func, ...perKey } : []);
  return [...given.every("spooler-limit", parseLimit), ...ofCommands];
}

function parseLimit(text: string): TaskLimit {
  const { settings, rest } = parseKeyValues(text, KEYS);
  const processes = settings.get("processes");
  const [func, key] = [settings.get("name"), settings.get("concurrency-key")];
  const isEmpty = func === "" || key === "" || (func === undefined && key === undefined);
  if (rest !== "" || processes === undefined || isEmpty) {
    throw new SyntaxError(
      "needs processes=N and name=FUNCTION, concurrency-key=KEY or both, without spaces",
    );
  }
  return { func: func ?? null, key: key ?? null, processes: parseInteger(processes, 1) };
}
