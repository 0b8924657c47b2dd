/**
 * One line of `cron`, `unique-cron`, `cron2`, `timer2`, `timer` or `rbtimer`: what it asks for.
 *
 * @pure
 */

import { OLDEST_SLOT_MS } from "../schedule/slot_id.ts";
import { SIGNAL_MAX } from "../schedule/registration.ts";
import { FIELDS, specOf } from "../schedule/cron.ts";
import { parseField } from "../schedule/field.ts";
import { parseCronLine, parseCronTime } from "../schedule/line.ts";
import { type Zone, zoneOf } from "../platform/zone.ts";
import type { Action, Overlap, ScheduleConfig, When } from "../schedule/settings.ts";
import { parseSettings, type Settings } from "./settings.ts";
import { parseDuration, parseInteger } from "./value.ts";

/** A job that has no name of its own yet; `name` is null when the line gives none. */
export type Draft = Omit<ScheduleConfig, "name" | "id" | "formerIds" | "place" | "once"> & {
  readonly name: string | null;
  /** `once=cluster` */
  readonly isOnce: boolean;
};

/** What holds for lines that do not say otherwise. */
export interface LineDefaults {
  readonly zone: Zone;
  /** `cron-harakiri`; null is without end. */
  readonly cronHarakiriMs: number | null;
  /** `cron-on-failure`; null is nothing. */
  readonly onFailure: string | null;
}

const COMMON_KEYS = [
  ...["name", "unique", "overlap", "group", "once", "catchup", "jitter"],
  ...["harakiri", "retries", "user", "chdir", "on-failure", "spool"],
];
const FIELD_KEYS = ["minute", "hour", "day", "month", "week"];
const CRON_KEYS = [...FIELD_KEYS, "when", "tz", ...COMMON_KEYS];
const TIMER_KEYS = ["every", "iterations", "at-start", ...COMMON_KEYS];
const OVERLAPS: readonly Overlap[] = ["skip", "allow", "queue", "replace"];

export function parseCron1(text: string, unique: boolean, defaults: LineDefaults): Draft {
  const [setting] = /^[a-z-]+=\S*/.exec(text) ?? [];
  if (setting !== undefined) {
    throw new SyntaxError(`takes no settings, but cron2 does: "${setting}"`);
  }
  const { time, timeText, command } = parseCronLine(text);
  return {
    name: null,
    when: time.kind === "reboot" ? time : { ...time, zone: defaults.zone },
    whenText: timeText,
    action: { kind: "command", command },
    ...PLAIN,
    onFailure: defaults.onFailure,
    overlap: unique ? "skip" : "allow",
    harakiriMs: defaults.cronHarakiriMs,
  };
}

/** What a line without settings has. */
const PLAIN = {
  isOnce: false,
  group: null,
  catchupMs: 0,
  jitterMs: 0,
  retries: 0,
  user: null,
  cwd: null,
  onFailure: null,
};

export function parseCron2(text: string, defaults: LineDefaults): Draft {
  if (/^\s*(?:\S*,)?legion=/.test(text)) {
    throw new SyntaxError("has legion=, which needs uWSGI's legions; every machine would run it");
  }
  const settings = parseSettings(text, CRON_KEYS);
  const { when, whenText } = cronTime(settings.values, defaults.zone);
  return {
    when,
    whenText,
    ...commonOf(settings, "allow", defaults.cronHarakiriMs, defaults.onFailure),
  };
}

function cronTime(
  values: ReadonlyMap<string, string>,
  defaultZone: Zone,
): { when: When; whenText: string } {
  const tz = values.get("tz");
  const zone = tz === undefined ? defaultZone : named("tz", () => zoneOf(tz));
  const whole = values.get("when");
  if (whole !== undefined) {
    const other = FIELD_KEYS.find((key) => values.has(key));
    if (other !== undefined) throw new SyntaxError(`takes when= or ${other}=, not both`);
    const time = named("when", () => parseCronTime(whole));
    return { when: time.kind === "reboot" ? time : { ...time, zone }, whenText: whole };
  }
  const texts = FIELD_KEYS.map((key) => values.get(key) ?? "-1");
  const fields = FIELDS.map((range, index) =>
    named(FIELD_KEYS[index] ?? range.name, () => parseField(texts[index] ?? "-1", range))
  );
  return { when: { kind: "cron", spec: specOf(fields), zone }, whenText: texts.join(" ") };
}

export function parseTimer2(text: string, { onFailure }: LineDefaults): Draft {
  const settings = parseSettings(text, TIMER_KEYS);
  const { values } = settings;
  const every = values.get("every");
  if (every === undefined) throw new SyntaxError("needs every=DURATION, as in every=30s");
  const iterations = values.get("iterations");
  return {
    when: {
      kind: "every",
      everyMs: named("every", () => parseDuration(every)),
      atStart: flagOf(values, "at-start"),
      iterations: iterations === undefined
        ? null
        : named("iterations", () => parseInteger(iterations, 1)),
    },
    whenText: `every ${every}`,
    ...commonOf(settings, "skip", null, onFailure),
  };
}

/** `timer` and `rbtimer`: `<signal> <seconds>`. */
export function parseSignalTimer(text: string, { onFailure }: LineDefaults): Draft {
  const [, signal, seconds, more] = /^\s*(\d+)\s+(\S+)\s*(.*)$/.exec(text) ?? [];
  if (signal === undefined || seconds === undefined || Number(signal) > SIGNAL_MAX) {
    throw new SyntaxError(
      `needs a signal from 0 to ${SIGNAL_MAX} and seconds; commands are for timer2`,
    );
  }
  if (!/^\.?\d/.test(seconds)) {
    const command = `${seconds} ${more}`.trim();
    throw new SyntaxError(
      `takes a signal and seconds, not a command: timer2 = every=${signal}s ${command} runs one`,
    );
  }
  if (more !== "") throw new SyntaxError(`takes a signal and seconds only, not "${more}"`);
  return {
    name: null,
    when: {
      kind: "every",
      everyMs: parseDuration(seconds),
      atStart: false,
      iterations: null,
    },
    whenText: `every ${seconds.replace(/\d$/, "$&s")}`,
    action: { kind: "signal", signal: Number(signal), owner: null, times: 1 },
    ...PLAIN,
    onFailure,
    overlap: "allow",
    harakiriMs: null,
  };
}

function commonOf(
  { values, rest }: Settings,
  overlap: Overlap,
  harakiriMs: number | null,
  onFailure: string | null,
): Omit<Draft, "when" | "whenText"> {
  checkOnce(values);
  const func = values.get("spool");
  const action = func === undefined ? commandOf(rest) : taskOf(func, rest);
  if (action.kind === "task") refuseForTask(values);
  return {
    name: nameOf(values),
    action,
    overlap: overlapOf(values, overlap),
    isOnce: values.has("once"),
    group: values.get("group") || null,
    catchupMs: durationOf(values, "catchup", 0),
    jitterMs: durationOf(values, "jitter", 0),
    harakiriMs: values.has("harakiri") ? durationOf(values, "harakiri", 0) || null : harakiriMs,
    retries: named("retries", () => parseInteger(values.get("retries") ?? "0", 0)),
    user: values.get("user") || null,
    cwd: directoryOf(values),
    onFailure: action.kind === "task"
      ? null
      : values.has("on-failure")
      ? values.get("on-failure") || null
      : onFailure,
  };
}

/** All machines know such a job by the same name, and its slots by the same times. */
function checkOnce(values: ReadonlyMap<string, string>): void {
  const once = values.get("once");
  if (once === undefined) return;
  if (once !== "cluster") throw new SyntaxError(`needs cluster behind once=, not "${once}"`);
  if (!values.get("name")) {
    throw new SyntaxError("has once=cluster and needs name=, by which all machines know the job");
  }
  const key = ["at-start", "iterations"].find((each) => values.has(each));
  if (key !== undefined) {
    throw new SyntaxError(`has once=cluster and ${key}=, which is about one program's start`);
  }
  if (values.get("when")?.trim() === "@reboot") {
    throw new SyntaxError("has once=cluster and @reboot, which is about one machine's start");
  }
  const catchupMs = durationOf(values, "catchup", 0);
  if (catchupMs > OLDEST_SLOT_MS) {
    throw new SyntaxError("has once=cluster and takes 7d of catchup= at most");
  }
}

function commandOf(command: string): Action {
  if (command === "") throw new SyntaxError("needs a command");
  return { kind: "command", command };
}

const PAIR = /([^\s="']+)=(?:"([^"]*)"|'([^']*)'|([^\s"']*))(?=\s|$)/y;

/** `spool=FUNC key=value key="some words"`. */
function taskOf(func: string, rest: string): Action {
  if (func === "") throw new SyntaxError("needs the name of a function behind spool=");
  const vars: [string, string][] = [["ud_spool_func", func]];
  for (let at = 0; at < rest.length;) {
    PAIR.lastIndex = at;
    const pair = PAIR.exec(rest);
    if (pair === null) {
      const word = /^\S*/.exec(rest.slice(at))?.[0] ?? "";
      throw new SyntaxError(`needs NAME=VALUE pairs for a task, not "${word}"`);
    }
    vars.push([pair[1] ?? "", pair[2] ?? pair[3] ?? pair[4] ?? ""]);
    at += pair[0].length;
    at += /^\s*/.exec(rest.slice(at))?.[0].length ?? 0;
  }
  return { kind: "task", vars };
}

/** A task has its own retries, limits and account: those of its spool. */
function refuseForTask(values: ReadonlyMap<string, string>): void {
  const key = ["harakiri", "retries", "user", "chdir", "on-failure"].find((key) => values.has(key));
  if (key !== undefined) {
    throw new SyntaxError(`has spool= and ${key}=: a task is run by the rules of its spool`);
  }
}

/** As given: relative directories start where those of the ini do. */
function directoryOf(values: ReadonlyMap<string, string>): string | null {
  const directory = values.get("chdir") || null;
  if (directory === "~" && !values.get("user")) {
    throw new SyntaxError("has chdir=~, the home of an account, and no user=");
  }
  return directory;
}

function nameOf(values: ReadonlyMap<string, string>): string | null {
  const name = values.get("name");
  if (name !== undefined && !/^[\w.:@+-]+$/.test(name)) {
    throw new SyntaxError(`needs letters, digits and . _ : @ + - in name=, not "${name}"`);
  }
  return name ?? null;
}

function overlapOf(values: ReadonlyMap<string, string>, otherwise: Overlap): Overlap {
  const unique = flagOf(values, "unique");
  const text = values.get("overlap");
  if (text === undefined) return unique ? "skip" : otherwise;
  const overlap = OVERLAPS.find((each) => each === text);
  if (overlap === undefined) {
    throw new SyntaxError(`needs ${OVERLAPS.join(", ")} behind overlap=, not "${text}"`);
  }
  if (unique && overlap !== "skip") throw new SyntaxError(`has unique= and overlap=${text}`);
  return overlap;
}

function flagOf(values: ReadonlyMap<string, string>, key: string): boolean {
  const text = values.get(key) ?? "0";
  if (["1", "true", "yes", "on"].includes(text)) return true;
  if (["0", "false", "no", "off"].includes(text)) return false;
  throw new SyntaxError(`needs 1 or 0 behind ${key}=, not "${text}"`);
}

function durationOf(values: ReadonlyMap<string, string>, key: string, otherwise: number): number {
  const text = values.get(key);
  if (text === undefined) return otherwise;
  return text === "0" ? 0 : named(key, () => parseDuration(text));
}

/** Says of which key a value is wrong. */
function named<T>(key: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new SyntaxError(`${key}= ${error.message}`);
  }
}
