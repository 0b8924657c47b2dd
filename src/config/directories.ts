/** The directories that a configuration uses, each with the line that names it. @pure */

import { dirname } from "@std/path";
import type { Place } from "../platform/problem.ts";
import type { Entry } from "./entry.ts";
import type { Given } from "./given.ts";

export interface UsedDirectory {
  /** Absolute. */
  readonly path: string;
  /** A spool is written to, and made when it is missing; files are made in some; tasks run in others. */
  readonly use: "write" | "make" | "enter";
  /** For messages. */
  readonly option: string;
  readonly place: Place;
}

export function directoriesOf(given: Given): UsedDirectory[] {
  return [
    ...spoolEntries(given).map(({ entry, dir }) => used(given, entry, dir, "write")),
    ...workingEntries(given).map(({ entry, dir }) => used(given, entry, dir, "enter")),
    ...outputFiles(given).map(({ entry, dir }) => used(given, entry, dir, "make")),
  ];
}

function used(given: Given, entry: Entry, dir: string, use: UsedDirectory["use"]): UsedDirectory {
  return { path: given.path(dir, entry), use, option: entry.key, place: entry.place };
}

/** A line that names a directory. */
export interface NamedDirectory {
  readonly entry: Entry;
  readonly dir: string;
}

/** The lines that name spools, as they are written. */
export function spoolEntries(given: Given): NamedDirectory[] {
  const plain = [...given.entriesOf("spooler"), ...given.entriesOf("spooler-external")];
  const tuned = [...given.entriesOf("spooler2"), ...given.entriesOf("spooler-forward2")];
  return [
    ...plain.map((entry) => ({ entry, dir: entry.value })),
    ...tuned.map((entry) => ({ entry, dir: settingOf(entry, "dir") })),
    ...given.entriesOf("spooler-forward").map((entry) => ({
      entry,
      dir: entry.value.trim().split(/\s/, 1)[0] ?? "",
    })),
  ].filter(({ dir }) => dir !== "");
}

/** The lines that say where tasks run. The last `chdir` counts, and the last `spooler-chdir`. */
export function workingEntries(given: Given): NamedDirectory[] {
  const last = [given.entriesOf("chdir").at(-1), given.entriesOf("spooler-chdir").at(-1)]
    .flatMap((entry) => entry === undefined ? [] : [{ entry, dir: entry.value }]);
  const tuned = given.entriesOf("spooler2").map((entry) => ({
    entry,
    dir: settingOf(entry, "chdir"),
  }));
  return [...last, ...tuned].filter(({ dir }) => dir !== "");
}

/** The lines that name files which the program makes, with the directory of each. */
export function outputFiles(given: Given): NamedDirectory[] {
  const plain = ["logto", "logto2", "pidfile", "pidfile2", "daemonize", "daemonize2"] as const;
  const loggers = given.entriesOf("logger").map((entry) => ({
    entry,
    file: /(?:^|\s)file:(.+)$/.exec(entry.value)?.[1] ?? "",
  }));
  return [
    ...plain.flatMap((key) => given.entriesOf(key).map((entry) => ({ entry, file: entry.value }))),
    ...loggers,
  ].filter(({ file }) => file.trim() !== "")
    .map(({ entry, file }) => ({ entry, dir: dirname(given.path(file.trim(), entry)) }));
}

/** The value of a `key=` in a `…2` option; empty when there is none. */
function settingOf(entry: Entry, key: string): string {
  const pattern = new RegExp(`(?:^|,)${key}=(?:["']([^"']*)["']|([^,\\s]+))`);
  const [, quoted, plain] = pattern.exec(entry.value) ?? [];
  return quoted ?? plain ?? "";
}
