/**
 * What is wrong with a configuration although each line of it can be read: directories that cannot
 * be made, two uses of one directory, a user the program does not become.
 *
 * @pure
 */

import { dirname, resolve } from "@std/path";
import { type Address, addressText, isAbstract } from "../wire/address.ts";
import type { Config } from "./config.ts";
import { outputFiles, spoolEntries, workingEntries } from "./directories.ts";
import type { Entry } from "./entry.ts";
import type { Given } from "./given.ts";
import { isOpenToAll } from "./listeners.ts";
import { type Place, placeText } from "../platform/problem.ts";
import { type Zone, zoneOf } from "../platform/zone.ts";

/** What a check asks the machine. */
export interface CheckHost {
  readonly uid: number;
  /** The name of the user that runs the program. */
  readonly user: string;
  /** Of the environment. */
  readonly tz: string | undefined;
  /**
   * The zone that a value of TZ means on this machine.
   *
   * @throws {SyntaxError} when there is no such zone
   */
  zone(tz: string | undefined): Zone;
  kindOf(path: string): "file" | "dir" | "other" | undefined;
  /** See {@link ConfigHost.inherited}. */
  inherited?(name: string): readonly Address[] | null;
}

/** Other languages' placeholders are plain text to uWSGI. */
function placeholderHint(path: string): string {
  const [found] = /\$\{[\w-]+\}|\{\{.*?\}\}/.exec(path) ?? [];
  return found === undefined ? "" : `; a placeholder is %(name) or $(NAME), not ${found}`;
}

/** The directory of a log or a pidfile is not made. */
function checkOutputFiles(given: Given, around: CheckHost): void {
  for (const { entry, dir } of outputFiles(given)) {
    if (around.kindOf(dir) !== "dir") given.problem(entry, `needs ${dir} to be a directory`);
  }
}

export function checkAll(given: Given, config: Config, around: CheckHost): void {
  checkSpoolDirectories(given, around);
  checkWorkingDirectories(given, around);
  checkOutputFiles(given, around);
  checkHandlers(given, config);
  checkSockets(given, config, around);
  checkForwardFiles(given, config, around);
  checkNats(given, config, around);
  checkCode(given, config, around);
  checkUser(given, around);
}

/**
 * A spool directory is made when it is missing, as in uWSGI, but nothing above it; and it has one
 * owner in a program, because a lock keeps only other programs away.
 */
function checkSpoolDirectories(given: Given, around: CheckHost): void {
  const seen = new Map<string, Entry>();
  for (const { entry, dir: name } of spoolEntries(given)) {
    const dir = given.path(name, entry);
    const kind = around.kindOf(dir);
    if (kind === undefined && around.kindOf(dirname(dir)) !== "dir") {
      given.problem(entry, `needs ${dirname(dir)} to be a directory${placeholderHint(dir)}`);
    } else if (kind !== undefined && kind !== "dir") {
      given.problem(entry, "must name a directory, and this is not one");
    }
    const before = seen.get(dir);
    if (before !== undefined) {
      const where = placeText(before.place);
      given.problem(
        entry,
        `needs a directory of its own, and ${where} has this one ` +
          "(spooler-processes gives a spool more processes)",
      );
    }
    seen.set(dir, entry);
  }
}

/** Tasks would fail there, one after the other. */
function checkWorkingDirectories(given: Given, around: CheckHost): void {
  for (const { entry, dir } of workingEntries(given)) {
    const path = given.path(dir, entry);
    const kind = around.kindOf(path);
    if (kind === undefined) given.problem(entry, `names a directory that does not exist`);
    else if (kind !== "dir") given.problem(entry, `must name a directory, and this is a file`);
  }
}

/** Handlers that no task can ever reach, and signals that no handler can ever get. */
function checkHandlers(given: Given, { spools, streams, code }: Config): void {
  if (code.modules.length === 0) {
    for (const entry of [...given.entriesOf("timer"), ...given.entriesOf("rbtimer")]) {
      given.warning(entry, "raises a signal that nothing handles: there is no task module");
    }
  }
  if (streams.length > 0 || spools.some(({ external }) => !external)) return;
  const names = [
    ...["spooler-task", "spooler-import", "spooler-python-import", "spooler-limit"] as const,
  ];
  for (const entry of names.flatMap((name) => given.entriesOf(name))) {
    given.warning(entry, "never runs: there is no spool to take tasks from (spooler = DIR)");
  }
}

function checkSockets(given: Given, config: Config, around: CheckHost): void {
  const entries = [...given.entriesOf("socket"), ...given.entriesOf("suwsgi-socket")];
  // The ini of a web application has sockets, too; without a spool nothing can be put anywhere.
  const canTakeTasks = config.spools.length > 0 ||
    given.entriesOf("spooler-forward").length + given.entriesOf("spooler-forward2").length > 0;
  const seen = new Map<string, Place>();
  for (const listener of config.listeners) {
    const { address, tls, place } = listener;
    const entry = entries.find((candidate) => candidate.place === place);
    if (entry === undefined) continue;
    const text = addressText(address);
    const before = seen.get(text);
    const isAnyPort = address.kind === "tcp" && address.port === 0;
    if (before !== undefined && !isAnyPort) {
      given.problem(entry, `has the address that ${placeText(before)} has`);
      continue;
    }
    seen.set(text, place);
    const isFile = address.kind === "unix" && !isAbstract(address.path);
    if (isFile && around.kindOf(dirname(address.path)) !== "dir") {
      const hint = placeholderHint(address.path);
      given.problem(entry, `needs ${dirname(address.path)} to be a directory${hint}`);
    }
    if (canTakeTasks && isOpenToAll(listener, config.reception)) {
      given.problem(entry, OPEN_TO_ALL);
    }
    for (const file of tls === null ? [] : [tls.cert, tls.key, tls.ca]) {
      if (file === null || around.kindOf(file) === "file") continue;
      given.problem(entry, `needs ${file} to be a file`);
    }
  }
}

const OPEN_TO_ALL = "would take tasks from anyone who reaches it, which needs one of: " +
  "spooler-allow = NETWORK … (or any, when that is meant); spooler-secret = KEY; " +
  "suwsgi-socket = ADDRESS,CERT,KEY,CA with client certificates";

function checkForwardFiles(given: Given, config: Config, around: CheckHost): void {
  const entries = given.entriesOf("spooler-forward2");
  for (const { place, tls } of config.forwards) {
    const entry = entries.find((candidate) => candidate.place === place);
    if (entry === undefined) continue;
    const files = { ca: tls.ca, cert: tls.own?.cert, key: tls.own?.key };
    for (const [key, file] of Object.entries(files)) {
      if (!file || around.kindOf(file) !== undefined) continue;
      given.problem(entry, `needs ${key}= to name an existing file`);
    }
  }
}

function checkNats(given: Given, { nats, forwards, streams }: Config, around: CheckHost): void {
  const entry = given.entriesOf("spooler-nats").at(-1);
  if (entry === undefined) return;
  const { proof, ca } = nats;
  const files = [ca, proof === null || proof.kind === "user" ? null : proof.file];
  for (const file of files) {
    if (file === null || around.kindOf(file) !== undefined) continue;
    given.problem(entry, `names ${file}, which does not exist`);
  }
  const isUsed = streams.length > 0 ||
    forwards.some(({ targets }) => targets.some((each) => each.protocol === "nats"));
  if (!isUsed) {
    given.warning(entry, "is for nats://, which no spooler-forward and no spooler-stream has");
  }
}

const MODULES = [
  "spooler-import",
  "spooler-python-import",
  "import",
  "shared-import",
  "wsgi-file",
  "mount",
] as const;

/** What is missing may come yet, as with a deployment under way: loading is tried again. */
function checkCode(given: Given, { code, python }: Config, around: CheckHost): void {
  const isMissing = (path: string) => around.kindOf(path) === undefined;
  const entries = MODULES.flatMap((name) => given.entriesOf(name));
  for (const { kind, name, place } of code.modules) {
    const entry = entries.find((candidate) => candidate.place === place);
    if (entry && kind === "file" && isMissing(name)) {
      given.warning(entry, "names a file that does not exist");
    }
  }
  if (!code.modules.some(({ language }) => language === "python")) return;
  const [entry] = [...given.entriesOf("virtualenv"), ...given.entriesOf("python")].slice(-1);
  if (entry && python.command.includes("/") && isMissing(python.command)) {
    given.warning(entry, `needs Python at ${python.command}, which does not exist`);
  }
}

/** Only root can become somebody else. */
function checkUser(given: Given, around: CheckHost): void {
  for (const entry of given.entriesOf("uid")) {
    const isSelf = entry.value === around.user || entry.value === String(around.uid);
    if (isSelf || around.uid === 0) continue;
    given.warning(entry, `is not acted on: the program stays ${around.user}, as it is not root`);
  }
}

/** For a configuration of which nothing is known but its text. */
export const NOWHERE: CheckHost = {
  uid: 1,
  user: "",
  tz: undefined,
  zone: (tz) => zoneOf(tz || "UTC"),
  kindOf: (path) => resolve(path) === path ? "dir" : undefined,
};
