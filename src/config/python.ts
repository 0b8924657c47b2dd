/**
 * `python`, `virtualenv`, `pythonpath`: which Python runs task code, and where it finds modules.
 *
 * @pure
 */

import { join } from "@std/path";
import type { PythonConfig } from "../worker/settings.ts";
import type { Given } from "./given.ts";
import { parseWanted } from "./value.ts";

/** `python = script.py` has uWSGI run a script in its workers, as `pyrun` does. */
const SCRIPT = /\.py\s*$/;

function interpretersOf(given: Given): string[] {
  return given.every("python", (text, entry) => {
    if (SCRIPT.test(text)) {
      given.warning(entry, "is a script that uWSGI runs in its workers; no task worker runs it");
      return [];
    }
    // A bare name is searched in PATH, as a shell does.
    return [text.includes("/") ? given.path(text, entry) : parseWanted(text)];
  }).flat();
}

export function pythonOf(given: Given): PythonConfig {
  const home = given.last<string | null>(
    "virtualenv",
    (text, entry) => given.path(parseWanted(text), entry),
    null,
  );
  const fallback = home === null ? "python3" : join(home, "bin", "python3");
  return {
    command: interpretersOf(given).at(-1) ?? fallback,
    paths: given.every("pythonpath", (text, entry) => given.path(parseWanted(text), entry)),
  };
}
