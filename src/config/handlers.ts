/** `spooler-task`: which command runs which task. */

import type { TaskCommand } from "./config.ts";
import type { Given } from "./given.ts";
import { parseKeyValues } from "./value.ts";

export function handlersOf(given: Given): TaskCommand[] {
  return given.every("spooler-task", (text, { place }) => {
    const { settings, rest } = parseKeyValues(text, ["name"]);
    if (rest === "") throw new SyntaxError("wants a command");
    return { name: settings.get("name") ?? null, command: rest, place };
  });
}
