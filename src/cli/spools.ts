/** Which spools a queue command is for, and which task a name on the command line means. */

import { isAbsolute, resolve } from "@std/path";
import { openPlatform } from "../spool/platform.ts";
import { destinationsOf } from "../server/destination.ts";
import type { Config } from "../config/config.ts";
import { type Clock, systemClock, systemRandom } from "../platform/clock.ts";
import { nameFromShown } from "../platform/name.ts";
import type { Libc } from "../platform/libc.ts";
import { isStreamAddress } from "../nats/stream_address.ts";
import { Inspector } from "../spool/inspect.ts";
import type { Filter, PlacedTask } from "../spool/inspected.ts";
import { Store } from "../spool/store.ts";
import { UsageError } from "./error.ts";
import { iniArgs, loadIni } from "./ini.ts";
import { note } from "./output.ts";
import { safeText } from "../report/safe_text.ts";
import { hasRun } from "./past_runs.ts";
import { placedId } from "../report/task_name.ts";
import { isShortFor, parseTaskWord, spoolOfPath, type TaskWord } from "./task_id.ts";
import { isDirectory, isThere } from "./there.ts";

/** The options that say where; every queue command has them. */
export const WHERE = ["ini", "dir"] as const;
export type Where = Readonly<Partial<Record<typeof WHERE[number], string>>>;

/** Whether --dir names a stream of NATS in place of a directory. */
export function isStream(dir: string | undefined): boolean {
  return dir !== undefined && isStreamAddress(dir);
}

/** Tasks in one line of an error. */
const MOST_NAMED = 10;

/** A spool as the queue commands see it. */
export interface OpenSpool {
  readonly dir: string;
  readonly store: Store;
  readonly inspector: Inspector;
  readonly clock: Clock;
  readonly libc: Libc | null;
}

export interface OpenSpoolsHow {
  /** Whether tasks are to be changed, which needs to know which of them run. */
  readonly changes?: boolean;
  /** The tasks that are named: whole paths say where they are. */
  readonly words?: readonly string[];
  /** Called with the configuration where one is read. */
  readonly loaded?: (config: Config) => void;
  /** A configuration without any is no error. */
  readonly mayHaveNone?: boolean;
}

/**
 * The spools that --dir or --ini mean.
 *
 * @throws {UsageError} when there are none
 */
export async function openSpools(
  command: string,
  where: Where,
  how: OpenSpoolsHow = {},
): Promise<OpenSpool[]> {
  const spools = await spoolsOf(command, where, how);
  return spools.length === 0 ? [] : openEach(command, spools, how.changes ?? false);
}

/** The spools of a configuration that is loaded already, to read what is in them; it may have none. */
export function openSpoolsOf(command: string, config: Config): OpenSpool[] {
  const spools = spoolsIn(config);
  return spools.length === 0 ? [] : openEach(command, spools, false);
}

/** These directories, whoever has named them. */
export function openEach(
  command: string,
  spools: readonly NamedSpool[],
  changes: boolean,
): OpenSpool[] {
  const platform = openPlatform();
  if (platform.unavailable) {
    const problem =
      `cannot see which tasks run: this machine has no file locks (${platform.unavailable})`;
    if (changes) throw new Error(`${command} ${problem}`);
    note(problem);
  }
  return spools.map(({ dir, fsync }) => {
    const common = { dir, clock: systemClock, ...platform };
    return {
      ...common,
      store: Store.on({ ...common, fsync, random: systemRandom }),
      inspector: new Inspector(common),
    };
  });
}

export interface NamedSpool {
  readonly dir: string;
  readonly fsync: boolean;
}

async function spoolsOf(
  command: string,
  { ini, dir }: Where,
  { words = [], loaded, mayHaveNone = false }: OpenSpoolsHow,
): Promise<readonly NamedSpool[]> {
  if (isStream(dir)) {
    throw new UsageError(
      `${command} takes no stream of NATS: ask on a machine that works through it, with --ini`,
    );
  }
  const args = iniArgs(ini);
  if (ini === undefined && dir === undefined && words.length > 0 && words.every(isAbsolute)) {
    return [...new Set(words.map(spoolOfPath))].map((each) => ({ dir: each, fsync: true }));
  }
  if (ini !== undefined && dir !== undefined || args === null && dir === undefined) {
    throw new UsageError(`${command} needs one of --ini and --dir`);
  }
  if (dir !== undefined) {
    if (!await isDirectory(dir)) {
      throw new UsageError(`${command}: --dir is not a directory: "${dir}"`);
    }
    return [{ dir: resolve(dir), fsync: true }];
  }
  const { config } = await loadIni(args ?? []);
  loaded?.(config);
  const spools = spoolsIn(config);
  if (spools.length > 0 || mayHaveNone) return spools;
  throw new UsageError(`${config.file} has no spool (spooler = DIR)`);
}

function spoolsIn(config: Config): readonly NamedSpool[] {
  return [...destinationsOf(config), ...config.streams].map(({ spool }) => spool);
}

/** A path that leads to a task from here is a whole path from now on. */
export function taskWords(words: readonly string[]): string[] {
  return words.map((word) => {
    const isPath = word.includes("/") && !isAbsolute(word) && isThere(word);
    return isPath ? resolve(word) : word;
  });
}

/** How many tasks a filter makes a command examine. */
export function countOf(spools: readonly OpenSpool[], filter: Filter): number {
  let count = 0;
  for (const { inspector } of spools) {
    for (const tasks of inspector.list(filter)) count += tasks.length;
  }
  return count;
}

/** A task and the spool it lies in. */
export interface Located {
  readonly spool: OpenSpool;
  readonly task: PlacedTask;
}

/** What a name on the command line came to. */
export type TaskMatch =
  | ({ readonly kind: "one" } & Located)
  | { readonly kind: "none" }
  /** The person has to say which. */
  | { readonly kind: "many"; readonly ids: readonly string[] };

/**
 * A task that waits comes before one in failed/ of the same name, which `failed/NAME` names. What is no
 * task's name may be the beginning or the end of one, unless a task of that whole name has run.
 */
export function findTask(spools: readonly OpenSpool[], word: string): TaskMatch {
  const holder = spools.find(({ dir }) => word.startsWith(`${dir}/`));
  const typed = parseTaskWord(word, holder?.dir);
  const { name, priority, failedOnly } = typed;
  const searched = !isAbsolute(word) ? spools : holder ? [holder] : [];
  const find = (name: string) =>
    searched.flatMap((spool) =>
      spool.inspector.find(name, priority)
        .filter(({ place }) => !failedOnly || place === "failed")
        .map((task) => ({ spool, task }))
    );
  const literal = find(name);
  // A name that is no UTF-8 can only be typed as it is shown.
  const shown = literal.length > 0 ? literal : find(nameFromShown(name));
  const isWhole = () => isAbsolute(word) || searched.some((spool) => hasRun(spool, name));
  const found = shown.length > 0 || isWhole()
    ? shown
    : searched.flatMap((spool) => shortMatches(spool, typed));
  const [first, second] = found;
  if (!first) return { kind: "none" };
  const isTwin = second?.task.place === "failed" && first.task.place === "queue" &&
    second.spool === first.spool && second.task.priority === first.task.priority;
  if (found.length === 1 || (found.length === 2 && isTwin)) return { kind: "one", ...first };
  const ids = found.map(({ spool, task }) => `${spool.dir}: ${placedId(task)}`);
  return { kind: "many", ids: ids.toSorted() };
}

/** The tasks that have a word as the beginning or the end of their names. */
function shortMatches(spool: OpenSpool, typed: TaskWord): Located[] {
  const found: Located[] = [];
  for (const tasks of spool.inspector.list(typed.failedOnly ? { states: ["failed"] } : {})) {
    for (const task of tasks) {
      if (typed.priority !== undefined && typed.priority !== task.priority) continue;
      if (isShortFor(typed, task.name)) found.push({ spool, task });
    }
  }
  return found;
}

/** Why a name came to no single task. */
export function missText(word: string, named: Exclude<TaskMatch, { kind: "one" }>): string {
  const name = safeText(word);
  return named.kind === "none"
    ? `${name}: no such task`
    : `${name}: several tasks have this name: ${safeText(idsText(named.ids))}`;
}

/** Of very many a few are enough to see that the name is too short. */
export function idsText(ids: readonly string[]): string {
  const more = ids.length - MOST_NAMED;
  return ids.slice(0, MOST_NAMED).join(", ") + (more > 0 ? ` and ${more} more` : "");
}
