/**
 * The text of an ini file as uWSGI reads it: sections, whole-line comments, `key = value` split at
 * the first `=`, a bare key as a flag, repeated keys in order. No quotes, no escapes, no
 * continuation lines.
 *
 * Source: uWSGI 2.0 core/ini.c, uwsgi_ini_config.
 */

import type { Entry } from "./entry.ts";

/** The entries of one section, in order. */
export function readIni(text: string, file: string, section = "uwsgi"): Entry[] {
  const entries: Entry[] = [];
  let current = "";
  text.split("\n").forEach((raw, index) => {
    const line = raw.trim();
    if (line === "" || line.startsWith(";") || line.startsWith("#")) return;
    if (line.startsWith("[")) {
      current = line.slice(1, line.endsWith("]") ? -1 : undefined);
      return;
    }
    if (current !== section) return;
    const equals = line.indexOf("=");
    const key = equals === -1 ? line : line.slice(0, equals).trimEnd();
    const value = equals === -1 ? "" : line.slice(equals + 1).trimStart();
    entries.push({ key, value, place: { file, line: index + 1 } });
  });
  return entries;
}
