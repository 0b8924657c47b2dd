/**
 * What is wrong with a configuration although each line of it can be read: directories that cannot
 * be made, two uses of one directory, a user the program does not become.
 */

import { dirname, resolve } from "node:path";
import type { Config } from "./config.ts";
import type { Entry } from "./entry.ts";
import type { Given } from "./given.ts";
import { placeText } from "./problem.ts";

/** What a check asks the machine. */
export interface Surroundings {
  readonly uid: number;
  /** The name of the user that runs the program. */
  readonly user: string;
  kindOf(path: string): "file" | "dir" | "other" | undefined;
}

export function checkAll(given: Given, config: Config, around: Surroundings): void {
  checkSpoolDirectories(given, around);
  checkSocketDirectories(given, config, around);
  checkForwardFiles(given, config, around);
  checkUser(given, around);
}

/**
 * A spool directory is made when it is missing, as in uWSGI, but nothing above it; and it has one
 * owner in a program, because a lock keeps only other programs away.
 */
function checkSpoolDirectories(given: Given, around: Surroundings): void {
  const seen = new Map<string, Entry>();
  for (const { entry, dir } of directoriesOf(given)) {
    const kind = around.kindOf(dir);
    if (kind === undefined && around.kindOf(dirname(dir)) !== "dir") {
      given.problem(entry, `wants ${dirname(dir)} to be a directory`);
    } else if (kind !== undefined && kind !== "dir") {
      given.problem(entry, "wants a directory, and this is none");
    }
    const before = seen.get(dir);
    if (before !== undefined) {
      const where = placeText(before.place);
      given.problem(
        entry,
        `wants a directory of its own, and ${where} has this one ` +
          "(spooler-processes gives a spool more processes)",
      );
    }
    seen.set(dir, entry);
  }
}

function directoriesOf(given: Given): { entry: Entry; dir: string }[] {
  const plain = [...given.entriesOf("spooler"), ...given.entriesOf("spooler-external")];
  return [
    ...plain.map((entry) => ({ entry, dir: entry.value })),
    ...given.entriesOf("spooler2").map((entry) => ({ entry, dir: dirSetting(entry) })),
    ...given.entriesOf("spooler-forward").map((entry) => ({
      entry,
      dir: entry.value.trim().split(/\s/, 1)[0] ?? "",
    })),
    ...given.entriesOf("spooler-forward2").map((entry) => ({ entry, dir: dirSetting(entry) })),
  ].filter(({ dir }) => dir !== "").map(({ entry, dir }) => ({
    entry,
    dir: given.path(dir, entry),
  }));
}

/** The `dir=` of a `…2` option; empty when there is none. */
function dirSetting(entry: Entry): string {
  const [, quoted, plain] = /(?:^|,)dir=(?:["']([^"']*)["']|([^,\s]+))/.exec(entry.value) ?? [];
  return quoted ?? plain ?? "";
}

function checkSocketDirectories(given: Given, config: Config, around: Surroundings): void {
  const entries = given.entriesOf("socket");
  for (const { address, place } of config.listeners) {
    if (address.kind !== "unix" || address.path.startsWith("@")) continue;
    const entry = entries.find((candidate) => candidate.place === place);
    if (entry === undefined || around.kindOf(dirname(address.path)) === "dir") continue;
    given.problem(entry, `wants ${dirname(address.path)} to be a directory`);
  }
}

function checkForwardFiles(given: Given, config: Config, around: Surroundings): void {
  const entries = given.entriesOf("spooler-forward2");
  for (const { place, tls } of config.forwards) {
    const entry = entries.find((candidate) => candidate.place === place);
    if (entry === undefined) continue;
    const files = { ca: tls.ca, cert: tls.own?.cert, key: tls.own?.key };
    for (const [key, file] of Object.entries(files)) {
      if (!file || around.kindOf(file) !== undefined) continue;
      given.problem(entry, `wants ${key}= to name a file that is there`);
    }
  }
}

/** Under root, tasks would run as root although the ini names another user: not in silence. */
function checkUser(given: Given, around: Surroundings): void {
  for (const entry of given.entries) {
    if (entry.key !== "uid" && entry.key !== "immediate-uid") continue;
    const isSelf = entry.value === around.user || entry.value === String(around.uid);
    if (isSelf) continue;
    if (around.uid === 0) {
      given.problem(
        entry,
        "is refused: the program keeps its user, and tasks would run as root; " +
          "start it as that user (systemd: User=)",
      );
    } else {
      given.warning(entry, `is not acted on: the program stays ${around.user}`);
    }
  }
}

/** For a configuration of which nothing is known but its text. */
export const NOWHERE: Surroundings = {
  uid: 1,
  user: "",
  kindOf: (path) => resolve(path) === path ? "dir" : undefined,
};
