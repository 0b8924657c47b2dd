/** `spooler` and the options that say how a spool is worked through. */

import type { SpoolConfig } from "./config.ts";
import type { Given } from "./given.ts";
import { parseBoolean, parseInteger, parseSeconds, parseWanted } from "./value.ts";

const FREQUENCY_MIN_SECONDS = 0.05;

export function spoolsOf(given: Given): SpoolConfig[] {
  const seconds = (min: number) => (text: string) => parseSeconds(text, min);
  const frequencyMs = 1000 * given.last("spooler-frequency", seconds(FREQUENCY_MIN_SECONDS), 30);
  const harakiriMs = 1000 * given.last("spooler-harakiri", seconds(0), 0);
  const settings = {
    processes: given.last("spooler-processes", (text) => parseInteger(text, 1), 1),
    frequencyMs,
    harakiriMs: harakiriMs > 0 ? harakiriMs : null,
    ordered: given.last("spooler-ordered", parseBoolean, false),
    fsync: given.last("spooler-fsync", parseBoolean, true),
    retry: {
      delayMs: 1000 * given.last("spooler-retry-delay", seconds(0), frequencyMs / 1000),
      maxDelayMs: 1000 * given.last("spooler-retry-max-delay", seconds(0), 3600),
      maxRetries: given.last("spooler-max-retries", (text) => parseInteger(text, 0), 0),
    },
  };
  return given.every("spooler", (text, entry) => ({
    dir: given.path(parseWanted(text), entry),
    ...settings,
  }));
}
