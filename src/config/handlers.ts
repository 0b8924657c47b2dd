/** `spooler-task`: which command runs which task. @pure */

import type { TaskCommand } from "../exec/settings.ts";
import { SHELL_COMMAND, SHELL_FUNCTION } from "../task/shell_task.ts";
import type { Given } from "./given.ts";
import { spoolerUserOf } from "./code.ts";
import { harakiriMsOf } from "./spools.ts";
import type { Entry } from "./entry.ts";
import { parseBoolean, parseInteger, parseKeyValues } from "./value.ts";

export function handlersOf(given: Given): TaskCommand[] {
  return [...commandsOf(given), ...shellOf(given)];
}

/** `spooler-shell`: tasks that are commands themselves. */
function shellOf(given: Given): TaskCommand[] {
  const common = spoolerUserOf(given);
  const entry = given.last<Entry | null>(
    "spooler-shell",
    (text, entry) => parseBoolean(text) ? entry : null,
    null,
  );
  if (entry === null) return [];
  return [{
    name: SHELL_FUNCTION,
    command: SHELL_COMMAND,
    place: entry.place,
    user: common?.user ?? null,
    ...(common === null ? {} : { userOption: common.userOption }),
    stdin: "body",
    processes: null,
  }];
}

function commandsOf(given: Given): TaskCommand[] {
  const common = spoolerUserOf(given);
  return given.every("spooler-task", (text, { place }) => {
    const known = ["name", "processes", "concurrency-key", "harakiri", "retries", "stdin", "user"];
    const { settings, rest } = parseKeyValues(text, known);
    if (rest === "") throw new SyntaxError("needs a command");
    const key = settings.get("concurrency-key");
    if (key !== undefined && (!key || !settings.get("name") || !settings.has("processes"))) {
      throw new SyntaxError("needs name= and processes= beside concurrency-key=KEY");
    }
    const given = settings.get("processes");
    const processes = given === undefined ? null : parseInteger(given, 1);
    const harakiri = settings.get("harakiri");
    const retries = settings.get("retries");
    const user = settings.get("user") || null;
    return {
      name: settings.get("name") ?? null,
      command: rest,
      place,
      user: user ?? common?.user ?? null,
      ...(user === null && common !== null ? { userOption: common.userOption } : {}),
      stdin: parseStdin(settings.get("stdin") ?? "body"),
      processes: key === undefined ? processes : null,
      ...(key !== undefined && processes !== null ? { perKey: { key, processes } } : {}),
      ...(harakiri === undefined ? {} : { harakiriMs: harakiriMsOf(harakiri) }),
      ...(retries === undefined ? {} : { maxRetries: parseInteger(retries, 0) }),
    };
  });
}

function parseStdin(text: string): TaskCommand["stdin"] {
  if (text !== "body" && text !== "json") throw new SyntaxError("takes stdin=body or stdin=json");
  return text;
}
