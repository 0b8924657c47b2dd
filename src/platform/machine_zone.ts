/**
 * The zone of the machine, by the C library's rules for TZ: what `date` and the commands of jobs
 * go by, the program goes by, too.
 *
 * Sources: tzset(3); glibc time/tzset.c (tzset_internal) and time/tzfile.c.
 */

import { isAbsolute, join } from "@std/path";
import { parsePosixZone } from "./posix_zone.ts";
import { parseTzif } from "./tzif.ts";
import { ianaZone, UTC, Zone } from "./zone.ts";

const LOCALTIME = "/etc/localtime";
const DATABASE = "/usr/share/zoneinfo";

/**
 * @param tz the value of TZ; undefined where it is not set
 * @throws {SyntaxError} for a zone that there is not; the C library would take UTC without a word
 */
export function machineZone(tz: string | undefined): Zone {
  if (tz === undefined) return localtime();
  if (tz === "" || tz === ":") return UTC;
  const name = tz.replace(/^:/, "");
  const path = isAbsolute(name) ? name : join(Deno.env.get("TZDIR") ?? DATABASE, name);
  const inFile = fileZone(nameOf(path), path);
  if (inFile !== null) return inFile;
  const posix = parsePosixZone(name);
  if (posix !== null) return new Zone(name, posix);
  // A machine without the database, such as a small container.
  const builtIn = ianaZone(name);
  if (builtIn !== null) return builtIn;
  throw new SyntaxError(`TZ names no time zone that is known here: "${tz}"`);
}

function localtime(): Zone {
  let target = LOCALTIME;
  try {
    target = Deno.realPathSync(LOCALTIME);
  } catch {
    return UTC;
  }
  return fileZone(nameOf(target), target) ?? UTC;
}

/** As in `Europe/Berlin`, for a file of the database; any other by its path. */
function nameOf(path: string): string {
  return /\/zoneinfo\/(?:posix\/|right\/)?(.+)$/.exec(path)?.[1] ?? path;
}

/** Null when no such file, or it is something else. */
function fileZone(name: string, path: string): Zone | null {
  try {
    return new Zone(name, parseTzif(Deno.readFileSync(path)));
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof Deno.errors.NotFound) return null;
    if (isUnreadable(error)) return null;
    throw error;
  }
}

function isUnreadable(error: unknown): boolean {
  return error instanceof Deno.errors.PermissionDenied ||
    error instanceof Deno.errors.IsADirectory || error instanceof Deno.errors.NotADirectory ||
    error instanceof Deno.errors.NotCapable;
}
