/** `spooler-import` and its kin: task modules, and the options of their workers. @pure */

import type { CodeConfig, TaskModule } from "../worker/settings.ts";
import type { Entry } from "./entry.ts";
import type { Given } from "./given.ts";
import type { OptionName } from "./options.ts";
import { parseBoolean, parseInteger, parseWanted } from "./value.ts";

const JAVASCRIPT = /\.(?:ts|mts|js|mjs)$/;
const OTHER_SCRIPT = /\.(?:tsx|jsx|cts|cjs)$/;

export function codeOf(given: Given): CodeConfig {
  return {
    modules: modulesOf(given),
    maxTasks: given.last("spooler-max-tasks", (text) => parseInteger(text, 0), 0) || null,
    cheap: given.last("spooler-cheap", parseBoolean, false),
    touchReload: given.every("touch-spoolers-reload", pathOf(given)),
    options: given.entries.map(({ key, value, valueless }) =>
      [key, valueless ? true : value] as const
    ),
  };
}

/** `import` and `shared-import` come first, as uWSGI's workers load them before the spooler's own. */
function modulesOf(given: Given): TaskModule[] {
  const python = (name: OptionName) =>
    given.every(name, (text, entry) => moduleOf(given, text, entry, "python"));
  return [
    ...python("shared-import"),
    ...python("import"),
    ...given.every("spooler-import", (text, entry) => moduleOf(given, text, entry, null)),
    ...python("spooler-python-import"),
  ];
}

/** As in uWSGI the name ends at the first blank. */
function moduleOf(
  given: Given,
  text: string,
  entry: Entry,
  language: "python" | null,
): TaskModule {
  const name = parseWanted(text).split(/\s/, 1)[0] ?? "";
  const { place } = entry;
  if (language === null && JAVASCRIPT.test(name)) {
    return { language: "javascript", kind: "file", name: given.path(name, entry), place };
  }
  if (JAVASCRIPT.test(name) || OTHER_SCRIPT.test(name)) {
    const wish = language === null
      ? "wants .ts, .mts, .js or .mjs, or a Python module; bundle anything else into one of these"
      : "wants a Python module (spooler-import takes TypeScript and JavaScript)";
    throw new SyntaxError(wish);
  }
  if (name.endsWith(".py")) {
    return { language: "python", kind: "file", name: given.path(name, entry), place };
  }
  return { language: "python", kind: "module", name, place };
}

function pathOf(given: Given) {
  return (text: string, entry: Entry) => given.path(parseWanted(text), entry);
}
