/** `cron` and `timer2`: what runs by the clock. */

import { parseCron } from "../schedule/cron.ts";
import type { ScheduleConfig } from "./config.ts";
import type { Given } from "./given.ts";
import type { Entry } from "./entry.ts";
import { parseDuration, parseKeyValues } from "./value.ts";

export function schedulesOf(given: Given): ScheduleConfig[] {
  return [...given.every("cron", parseCronJob), ...given.every("timer2", parseTimer)];
}

function parseCronJob(text: string, { place }: Entry): ScheduleConfig {
  const [, fields, command] = /^\s*((?:\S+\s+){5})(.+)$/.exec(text) ?? [];
  if (fields === undefined || command === undefined) {
    throw new SyntaxError("wants minute, hour, day, month, weekday and a command");
  }
  const spec = parseCron(fields.trim().split(/\s+/));
  return { name: `cron:${place.line}`, when: { kind: "cron", spec }, command, place };
}

function parseTimer(text: string, { place }: Entry): ScheduleConfig {
  const { settings, rest } = parseKeyValues(text, ["every", "name"]);
  const every = settings.get("every");
  if (every === undefined) throw new SyntaxError("wants every=DURATION, as in every=30s");
  if (rest === "") throw new SyntaxError("wants a command");
  return {
    name: settings.get("name") ?? `timer:${place.line}`,
    when: { kind: "every", everyMs: parseDuration(every) },
    command: rest,
    place,
  };
}
