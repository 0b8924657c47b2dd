/** Entries as a file would give them. */

import type { Entry } from "../../src/config/entry.ts";
import { readIni } from "../../src/config/ini.ts";

/** @param lines of the section [uwsgi] of /srv/site.ini, the first of them being its line 2 */
export function entriesOf(lines: readonly string[]): Entry[] {
  return readIni(["[uwsgi]", ...lines].join("\n")).lines.map(({ key, value, line }) => ({
    key,
    value,
    place: { file: "/srv/site.ini", line },
  }));
}
