/** What makes the program a daemon: how it stops, who it is, and how it is found. @pure */

import type { DaemonConfig, IdentityConfig, PidFile } from "../daemon/settings.ts";
import type { Entry } from "./entry.ts";
import type { Given } from "./given.ts";
import { parseBoolean, parseSeconds, parseWanted } from "./value.ts";

/** uWSGI's default of worker-reload-mercy. */
const MERCY_MS = 60_000;

export function daemonOf(given: Given): DaemonConfig {
  const mercies = (["reload-mercy", "worker-reload-mercy"] as const).flatMap((name) =>
    given.every(name, (text) => parseSeconds(text, 0) * 1000).slice(-1)
  );
  const path = (text: string, entry: Entry) => given.path(parseWanted(text), entry);
  const daemonize = (["daemonize", "daemonize2"] as const).map((name) =>
    given.last<string | null>(name, path, null)
  );
  return {
    mercyMs: mercies.length > 0 ? Math.max(...mercies) : MERCY_MS,
    identity: identityOf(given),
    reaps: given.last("reaper", parseBoolean, false),
    umask: given.last<number | null>("umask", parseUmask, null),
    pidFiles: [...pidFiles(given, "pidfile", true), ...pidFiles(given, "pidfile2", false)],
    daemonize: daemonize.find((file) => file !== null) ?? null,
    // As in uWSGI, an empty one watches nothing.
    touchReload: given.every(
      "touch-reload",
      (text, entry) => text === "" ? null : path(text, entry),
    )
      .filter((file) => file !== null),
  };
}

/** As uWSGI: octal digits. */
function parseUmask(text: string): number {
  if (!/^[0-7]{1,4}$/.test(text.trim())) throw new SyntaxError("needs octal digits such as 022");
  return parseInt(text, 8) & 0o777;
}

function pidFiles(given: Given, name: "pidfile" | "pidfile2", isEarly: boolean): PidFile[] {
  return given.every(name, (text, entry) => given.path(parseWanted(text), entry))
    .map((path) => ({ path, isEarly }));
}

function identityOf(given: Given): IdentityConfig | null {
  const words = (name: "uid" | "gid" | "add-gid") =>
    given.every(name, (text, entry) => ({ name: parseWanted(text).trim(), place: entry.place }));
  const [user = null, group = null] = [words("uid").at(-1), words("gid").at(-1)];
  const moreGroups = words("add-gid");
  return user === null && group === null && moreGroups.length === 0
    ? null
    : { user, group, moreGroups };
}
