/**
 * `python`, `virtualenv`, `pythonpath`: which Python runs task code, and where it finds modules.
 *
 * @pure
 */

import { join } from "node:path";
import type { PythonConfig } from "../worker/settings.ts";
import type { Given } from "./given.ts";
import { parseWanted } from "./value.ts";

export function pythonOf(given: Given): PythonConfig {
  const home = given.last<string | null>(
    "virtualenv",
    (text, entry) => given.path(parseWanted(text), entry),
    null,
  );
  const fallback = home === null ? "python3" : join(home, "bin", "python3");
  return {
    command: given.last("python", (text, entry) => {
      // A bare name is looked for in PATH, as a shell does.
      return text.includes("/") ? given.path(text, entry) : parseWanted(text);
    }, fallback),
    paths: given.every("pythonpath", (text, entry) => given.path(parseWanted(text), entry)),
  };
}
