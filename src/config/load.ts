/** Reads the ini from disk and makes the configuration of it. */

import { basename, dirname, resolve } from "node:path";
import type { Entry } from "./entry.ts";
import { readIni } from "./ini.ts";
import { interpret, type Interpreted } from "./interpret.ts";
import { ConfigError } from "./problem.ts";

/** @throws {ConfigError} when the file cannot be read, or with everything that is wrong in it */
export async function loadConfig(file: string): Promise<Interpreted> {
  let text: string;
  try {
    text = await Deno.readTextFile(file);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ConfigError([{ place: { file, line: 0 }, message: `cannot be read: ${reason}` }]);
  }
  const entries = readIni(text, file).map((entry) => withMagic(entry, file));
  return interpret(entries, file);
}

/** `%d` (the directory of the ini, with its slash), `%n` (its name without ending), `%p`, `%%`. */
function withMagic(entry: Entry, file: string): Entry {
  const path = resolve(file);
  const magic: Record<string, string> = {
    "%d": `${dirname(path)}/`,
    "%n": basename(path).replace(/\.[^.]*$/, ""),
    "%p": path,
    "%%": "%",
  };
  return { ...entry, value: entry.value.replace(/%[dnp%]/g, (name) => magic[name] ?? name) };
}
