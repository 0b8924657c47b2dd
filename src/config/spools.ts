/** `spooler`, `spooler2` and the options that say how a spool is worked through. @pure */

import type { StartRate } from "../queue/rate.ts";
import type { SpoolConfig } from "../queue/settings.ts";
import type { Entry } from "./entry.ts";
import type { Given } from "./given.ts";
import {
  parseBoolean,
  parseDuration,
  parseInteger,
  parseKeyValues,
  parseSeconds,
  parseSize,
  parseWanted,
} from "./value.ts";

const FREQUENCY_MIN_SECONDS = 0.05;

export type SpoolSettings = Omit<SpoolConfig, "dir" | "external">;

export function spoolsOf(given: Given, settings: SpoolSettings): SpoolConfig[] {
  const plain = given.every("spooler", (text, entry) => ({
    dir: given.path(parseWanted(text), entry),
    ...settings,
    external: false,
  }));
  const tuned = given.every("spooler2", (text, entry) => tunedSpool(given, settings, text, entry));
  const external = given.every("spooler-external", (text, entry) => ({
    dir: given.path(parseWanted(text), entry),
    ...settings,
    external: true,
  }));
  return [...plain, ...tuned, ...external];
}

/** What holds for every spool that says nothing else. */
export function spoolSettings(given: Given): SpoolSettings {
  const frequencyMs = given.last("spooler-frequency", frequencyMsOf, 30_000);
  return {
    processes: given.last("spooler-processes", (text) => parseInteger(text, 1), 1),
    frequencyMs,
    harakiriMs: given.last("spooler-harakiri", harakiriMsOf, null),
    ordered: given.last("spooler-ordered", parseBoolean, false),
    fsync: given.last("spooler-fsync", parseBoolean, true),
    retry: {
      delayMs: given.last("spooler-retry-delay", secondsAsMs, frequencyMs),
      maxDelayMs: given.last("spooler-retry-max-delay", secondsAsMs, 3_600_000),
      maxRetries: given.last("spooler-max-retries", (text) => parseInteger(text, 0), 0),
    },
    cwd: given.last("spooler-chdir", directoryOf(given), workingDir(given)),
    maxAgeMs: given.last<number | null>("spooler-max-age", parseDuration, null),
    failedMaxAgeMs: given.last<number | null>("spooler-failed-max-age", parseDuration, null),
    onFailure: given.last<string | null>("spooler-on-failure", parseWanted, null),
    rate: given.last<StartRate | null>("spooler-rate", parseRate, null),
    limits: {
      maxFiles: given.last<number | null>(
        "spooler-max-files",
        (text) => parseInteger(text, 1),
        null,
      ),
      minFreeBytes: given.last<number | null>("spooler-min-free", parseSize, null),
    },
  };
}

/** Where commands run unless a spool says otherwise. */
export function workingDir(given: Given): string {
  return given.last("chdir", directoryOf(given), given.baseDir);
}

function directoryOf(given: Given) {
  return (text: string, entry: Entry) => given.path(parseWanted(text), entry);
}

const TUNABLE = [
  "dir",
  "processes",
  "frequency",
  "harakiri",
  "ordered",
  "retries",
  "retry-delay",
  "chdir",
  "max-age",
  "failed-max-age",
  "rate",
];

/** `spooler2 = dir=…,processes=…`: a spool with settings of its own. */
function tunedSpool(given: Given, base: SpoolSettings, text: string, entry: Entry): SpoolConfig {
  const { settings: own, rest } = parseKeyValues(text, TUNABLE);
  const dir = own.get("dir");
  if (!dir || rest !== "") throw new SyntaxError("needs dir=DIR and settings, without spaces");
  const read = <T>(key: string, parse: (value: string) => T, fallback: T): T => {
    const value = own.get(key);
    return value === undefined ? fallback : parse(value);
  };
  return {
    ...base,
    dir: given.path(dir, entry),
    external: false,
    processes: read("processes", (value) => parseInteger(value, 1), base.processes),
    frequencyMs: read("frequency", frequencyMsOf, base.frequencyMs),
    harakiriMs: read("harakiri", harakiriMsOf, base.harakiriMs),
    ordered: read("ordered", parseBoolean, base.ordered),
    cwd: read("chdir", (value) => given.path(value, entry), base.cwd),
    maxAgeMs: read<number | null>("max-age", parseDuration, base.maxAgeMs),
    failedMaxAgeMs: read<number | null>("failed-max-age", parseDuration, base.failedMaxAgeMs),
    rate: read<StartRate | null>("rate", parseRate, base.rate),
    retry: {
      ...base.retry,
      maxRetries: read("retries", (value) => parseInteger(value, 0), base.retry.maxRetries),
      delayMs: read("retry-delay", secondsAsMs, base.retry.delayMs),
    },
  };
}

function secondsAsMs(text: string): number {
  return 1000 * parseSeconds(text, 0);
}

function frequencyMsOf(text: string): number {
  return 1000 * parseSeconds(text, FREQUENCY_MIN_SECONDS);
}

/** 0 is without end. */
export function harakiriMsOf(text: string): number | null {
  return secondsAsMs(text) || null;
}

const RATE_UNITS: Record<string, number> = { s: 1000, m: 60_000, h: 3_600_000 };
const LARGEST_RATE = 100_000;

/** `10/s`, `600/m`, `1000/h`. */
function parseRate(text: string): StartRate {
  const [, count, unit = ""] = /^(\d+)\/([smh])$/.exec(text.trim()) ?? [];
  if (!(Number(count) >= 1 && Number(count) <= LARGEST_RATE)) {
    throw new SyntaxError(`needs N/s, N/m or N/h, with N from 1 to ${LARGEST_RATE}`);
  }
  return { count: Number(count), perMs: RATE_UNITS[unit] ?? NaN };
}
