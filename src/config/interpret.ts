/**
 * From entries to the typed configuration. Behind this file nothing reads a string option again.
 */

import { dirname, resolve } from "node:path";
import type { Config } from "./config.ts";
import type { Entry } from "./entry.ts";
import { Given } from "./given.ts";
import { handlersOf } from "./handlers.ts";
import { listenersOf } from "./listeners.ts";
import { ConfigError, type Problem } from "./problem.ts";
import { recognise } from "./recognise.ts";
import { schedulesOf } from "./schedules.ts";
import { spoolsOf } from "./spools.ts";

export interface Interpreted {
  readonly config: Config;
  /** What works, but probably not as meant. */
  readonly warnings: readonly Problem[];
}

/**
 * @param entries every option in order, expanded
 * @param file the ini they came from
 * @param used the keys that placeholders have asked for
 * @throws {ConfigError} with every problem there is
 */
export function interpret(
  entries: readonly Entry[],
  file: string,
  used: ReadonlySet<string> = new Set(),
): Interpreted {
  const baseDir = dirname(resolve(file));
  const given = new Given(entries, baseDir);
  const { problems, warnings } = recognise(entries, used, file);
  const config: Config = {
    file,
    baseDir,
    spools: spoolsOf(given),
    tasks: handlersOf(given),
    listeners: listenersOf(given),
    schedules: schedulesOf(given),
  };
  const all = [...problems, ...given.problems];
  if (all.length > 0) throw new ConfigError(all);
  return { config, warnings: [...warnings, ...given.warnings] };
}
