/** What runs by the clock: all lines of it, each job with a name, none twice. @pure */

import { basename, resolve } from "@std/path";
import { Calendar } from "../schedule/calendar.ts";
import { type CommandName, commandName, distinctNames } from "../schedule/command_name.ts";
import { hashText } from "../schedule/hash.ts";
import { UTC, type Zone, zoneOf } from "../platform/zone.ts";
import type { SpoolConfig } from "../queue/settings.ts";
import type { ScheduleConfig } from "../schedule/settings.ts";
import type { ClusterConfig, StreamWorkConfig } from "../cluster/settings.ts";
import type { ForwardConfig } from "../forward/settings.ts";
import type { Given } from "./given.ts";
import type { Entry } from "./entry.ts";
import type { OptionName } from "./options.ts";
import type { CheckHost } from "./checks.ts";
import { type Destination, destinationFor, destinationsOf } from "../server/destination.ts";
import { placeText } from "../platform/problem.ts";
import {
  type Draft,
  type LineDefaults,
  parseCron1,
  parseCron2,
  parseSignalTimer,
  parseTimer2,
} from "./schedule_line.ts";
import { parseSeconds, parseWanted } from "./value.ts";

interface ScheduleEntry {
  readonly draft: Draft;
  readonly entry: Entry;
  /** Names the line in the state file when it has no name. */
  readonly hash: string;
}

export interface ScheduleParts {
  readonly spools: readonly SpoolConfig[];
  readonly forwards: readonly ForwardConfig[];
  /** Of cron jobs that name none. */
  readonly zone: Zone;
  /** Where the machines of a cluster agree on who runs a job; null is nowhere. */
  readonly cluster: ClusterConfig | null;
}

export function schedulesOf(given: Given, parts: ScheduleParts): ScheduleConfig[] {
  const { zone } = parts;
  const destinations = destinationsOf(parts);
  const defaults = defaultsOf(given, zone);
  const parsers: [OptionName, (text: string) => Draft][] = [
    ["cron", (text) => parseCron1(text, false, defaults)],
    ["unique-cron", (text) => parseCron1(text, true, defaults)],
    ["cron2", (text) => parseCron2(text, defaults)],
    ["timer2", (text) => parseTimer2(text, defaults)],
    ["timer", (text) => parseSignalTimer(text, defaults)],
    ["rbtimer", (text) => parseSignalTimer(text, defaults)],
  ];
  const lines = parsers.flatMap(([option, parse]) =>
    given.every(option, (text, entry): ScheduleEntry => {
      const parsed = parse(text);
      const { cwd } = parsed;
      const draft = cwd === null || cwd === "~"
        ? parsed
        : { ...parsed, cwd: given.path(cwd, entry) };
      checkDestination(draft, destinations);
      if (draft.isOnce && parts.cluster === null) throw new SyntaxError(NO_CLUSTER);
      return { draft, entry, hash: hashText(`${option} ${text.trim()}`) };
    })
  );
  const once = withoutRepeats(lines, given);
  for (const line of once) warnOfNever(line, given);
  return named(once, parts);
}

const NO_CLUSTER = "has once=cluster, which needs a cluster to agree with: a spooler-stream or a " +
  "spooler-forward with nats://HOST:PORT/STREAM";

/** The first stream of the ini: that which runs here, else one to which tasks are forwarded. */
export function clusterOf(
  streams: readonly StreamWorkConfig[],
  forwards: readonly ForwardConfig[],
): ClusterConfig | null {
  const targets = forwards.flatMap(({ targets }) =>
    targets.flatMap((target) => target.protocol === "nats" ? [target] : [])
  );
  const [first] = [...streams, ...targets];
  return first === undefined ? null : { address: first.address, access: first.access };
}

/** Whether its task goes into a stream, which tells the same task of several machines from others. */
function isForStream({ action }: Draft, { spools, forwards }: ScheduleParts): boolean {
  if (action.kind !== "task") return false;
  const wanted = action.vars.find(([name]) => name === "spooler")?.[1];
  const spool = destinationFor(destinationsOf({ spools, forwards }), wanted)?.spool;
  const forward = forwards.find((each) => each.spool === spool);
  return forward !== undefined && forward.targets.every(({ protocol }) => protocol === "nats");
}

/**
 * Where the last run of each job is kept: beside the first spool, or beside the ini where there is
 * none. The ini's name is part of it, so that programs that share a spool keep their own.
 */
export function cronStateOf(given: Given, file: string, spools: readonly SpoolConfig[]): string {
  const ini = resolve(file);
  const beside = spools[0] === undefined
    ? ini
    : `${spools[0].dir}.${basename(ini).replace(/\.[^.]*$/, "")}`;
  const resolved = (text: string, entry: Entry) => given.path(parseWanted(text), entry);
  return given.last("cron-state", resolved, `${beside}.cron-state`);
}

/**
 * The local time of the program. As in uWSGI, `env = TZ=…` is for its own clock, too, and not only
 * for commands.
 */
export function localZoneOf(
  given: Given,
  env: Readonly<Record<string, string | null>>,
  around: Pick<CheckHost, "tz" | "zone">,
): Zone {
  const tz = env["TZ"] === undefined ? around.tz : env["TZ"] ?? undefined;
  try {
    return around.zone(tz);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const entry = given.entriesOf("env").findLast(({ value }) => value.startsWith("TZ="));
    if (entry !== undefined) given.problem(entry, error.message);
    else {
      given.problems.push({ place: { file: "environment", line: 0 }, message: error.message });
    }
    return UTC;
  }
}

/** `spooler-signals`. */
export function signalSpoolOf(given: Given, spools: readonly SpoolConfig[]): string | null {
  return given.last<string | null>("spooler-signals", (text, entry) => {
    const dir = given.path(parseWanted(text), entry);
    if (spools.some((spool) => spool.dir === dir && !spool.external)) return dir;
    throw new SyntaxError("needs the directory of a spooler of this ini");
  }, null);
}

/** The zone of cron jobs that name none. */
export function cronZoneOf(given: Given, local: Zone): Zone {
  return given.last("cron-tz", (text) => zoneOf(text), local);
}

/** `cron-on-failure`; null when it is empty or not given. */
export function cronOnFailureOf(given: Given): string | null {
  return given.last<string | null>("cron-on-failure", (text) => text.trim() || null, null);
}

/** `cron-harakiri`; 0 is without end. */
export function cronHarakiriOf(given: Given): number | null {
  const harakiri = given.last("cron-harakiri", (text) => parseSeconds(text, 0), 0);
  return harakiri > 0 ? harakiri * 1000 : null;
}

function defaultsOf(given: Given, zone: Zone): LineDefaults {
  return {
    zone,
    cronHarakiriMs: cronHarakiriOf(given),
    onFailure: cronOnFailureOf(given),
  };
}

function checkDestination({ action }: Draft, destinations: readonly Destination[]): void {
  if (action.kind !== "task") return;
  const wanted = action.vars.find(([name]) => name === "spooler")?.[1];
  if (destinationFor(destinations, wanted) !== undefined) return;
  if (wanted === undefined) {
    throw new SyntaxError("has spool=, but there is no spooler to put it in");
  }
  const known = destinations.flatMap(({ names }) => names).join(", ");
  throw new SyntaxError(`takes spooler=${known || "nothing"}, not spooler=${wanted}`);
}

/**
 * An ini that is loaded twice, or includes another twice, does not double its jobs: a line is a job
 * once. Two different lines with one name are a mistake.
 */
function withoutRepeats(lines: readonly ScheduleEntry[], given: Given): ScheduleEntry[] {
  const known = new Map<string, ScheduleEntry>();
  for (const line of lines) {
    const { draft: { name }, entry, hash } = line;
    const key = name ?? hash;
    const first = known.get(key);
    if (first === undefined) {
      known.set(key, line);
    } else if (first.hash === hash) {
      const message = `${entry.key} is the same job as ${
        placeText(first.entry.place)
      } and runs once`;
      given.warnings.push({ place: entry.place, message: `${message}: "${entry.value}"` });
    } else {
      given.problem(entry, `has the name that ${placeText(first.entry.place)} has`);
    }
  }
  return [...known.values()];
}

function warnOfNever({ draft: { when }, entry }: ScheduleEntry, given: Given): void {
  if (when.kind !== "cron") return;
  if (new Calendar(when.spec, UTC).next(0) !== null) return;
  given.warning(entry, "names a day that never comes");
}

/**
 * Jobs without a name are called after their command's script or program, with the arguments in which
 * those of one name differ, and with some of their hash where nothing differs.
 */
function named(lines: readonly ScheduleEntry[], parts: ScheduleParts): ScheduleConfig[] {
  const unnamed = lines.filter(({ draft }) => draft.name === null);
  const found = distinctNames(unnamed.map(({ draft }) => calledBy(draft)));
  const called = new Map(unnamed.map((line, index) => [line, found[index] ?? line.hash]));
  const plain = lines.map((line) => line.draft.name ?? called.get(line) ?? line.hash);
  const uses = new Map<string, number>();
  for (const name of plain) uses.set(name, (uses.get(name) ?? 0) + 1);
  return lines.map(({ draft: { isOnce, ...draft }, hash, entry: { place } }, index) => {
    const name = plain[index] ?? hash;
    const unclear = draft.name === null && (uses.get(name) ?? 0) > 1;
    return {
      ...draft,
      once: !isOnce ? null : isForStream({ isOnce, ...draft }, parts) ? "message" : "claim",
      name: unclear ? `${name}-${hash.slice(0, 4)}` : name,
      id: draft.name ?? `#${hash}`,
      formerIds: [],
      place,
    };
  });
}

function calledBy({ action }: Draft): CommandName {
  switch (action.kind) {
    case "task":
      return {
        name: action.vars[0]?.[1] ?? "task",
        args: action.vars.slice(1).map(([, value]) => value),
      };
    case "signal":
      return { name: `signal-${action.signal}`, args: [] };
    case "command":
      return commandName(action.command);
    default:
      return action satisfies never;
  }
}
