/**
 * Jobs that task code registers while the program runs: uWSGI's `add_timer`, `add_rb_timer` and
 * `add_cron`, as the schedules understand them.
 *
 * The spools of a program import the same modules, and each of their workers registers the same
 * jobs, again after each restart. They are the program's, and there once: a job is known by the file
 * and the function it was registered from, its time, and its number among those that have all of
 * these in common.
 *
 * Sources: uWSGI 2.0 core/signal.c (uwsgi_add_timer, uwsgi_signal_add_rb_timer) and core/cron.c
 * (uwsgi_signal_add_cron).
 *
 * @pure
 */

import { basename, dirname } from "@std/path";
import type { Place, Problem } from "../platform/problem.ts";
import type { Zone } from "../platform/zone.ts";
import { FIELDS, specOf } from "./cron.ts";
import { parseField } from "./field.ts";
import type { Overlap, ScheduleConfig, When } from "./settings.ts";
import { counted } from "../platform/count_text.ts";

export type RegisteredTime =
  /** Every so many seconds, without end. */
  | { readonly kind: "timer"; readonly seconds: number }
  /** Every so many seconds, so many times; 0 is without end. Of 0 seconds: at once, so many times. */
  | { readonly kind: "rbtimer"; readonly seconds: number; readonly iterations: number }
  /** Minute, hour, day, month, weekday in uWSGI's numbers: -1 is every, -n every n. */
  | { readonly kind: "cron"; readonly fields: readonly number[] };

export interface Registration {
  /** The function's name, as in `beat` or `Job.handler`; null where it has none. */
  readonly name: string | null;
  /** 0 to 255. It may be another one after a restart of the worker. */
  readonly signal: number;
  readonly time: RegisteredTime;
  /** The line of task code that registered it; null where the worker does not say. */
  readonly place: Place | null;
  /** Names by which older versions knew it. */
  readonly formerNames?: readonly string[];
  /** What becomes of it while its last run goes on: `skip`, where this is absent. */
  readonly overlap?: Overlap;
}

/** What the code of one owner has registered, in its order. */
export interface Registrations {
  /** The name of a spool, whose workers have the handlers. */
  readonly owner: string;
  readonly registrations: readonly Registration[];
}

/** What all of them have in common. */
export interface RegisteredDefaults {
  /** Of the cron jobs. */
  readonly zone: Zone;
  /** `cron-harakiri`: the longest that one of them may take; null is without end. */
  readonly cronHarakiriMs: number | null;
  /** A command for when one has failed. */
  readonly onFailure: string | null;
}

export interface RegisteredJobs {
  readonly jobs: readonly ScheduleConfig[];
  /** One for each registration that cannot be. The others are there all the same. */
  readonly refused: readonly Problem[];
}

export const SIGNAL_MAX = 255;
/** More often would keep the program busy with itself. */
const SECONDS_MIN = 0.001;

/**
 * @param sets in the order of preference: of what several owners register, the first one's handler runs
 * @param owners all there are, whether their code has registered something or not
 */
export function registeredJobs(
  sets: readonly Registrations[],
  owners: readonly string[],
  defaults: RegisteredDefaults,
): RegisteredJobs {
  const jobs = new Map<string, ScheduleConfig>();
  const refused: Problem[] = [];
  const names = new Names();
  for (const { owner, registrations } of sets) {
    const alike = new Map<string, number>();
    for (const registration of registrations) {
      const label = labelOf(registration);
      try {
        const time = timeOf(registration, defaults.zone);
        const key = `${label} ${time.whenText}`;
        const number = (alike.get(key) ?? 0) + 1;
        alike.set(key, number);
        const id = number === 1 ? key : `${key} #${number}`;
        if (jobs.has(id)) continue;
        const formerIds = formerIdsOf(registration, time.whenText, owners);
        const job = jobOf({ registration, owner, id, formerIds, name: names.next(label), ...time });
        const harakiriMs = job.when.kind === "cron" ? defaults.cronHarakiriMs : null;
        jobs.set(id, { ...job, harakiriMs, onFailure: defaults.onFailure });
      } catch (error) {
        if (!(error instanceof SyntaxError)) throw error;
        const message = `${registration.name ?? `signal ${registration.signal}`} ${error.message}`;
        refused.push({ place: registration.place ?? { file: owner, line: 0 }, message });
      }
    }
  }
  return { jobs: [...jobs.values()], refused };
}

/** Makes names unique: `t/handler`, `t/handler-2`, `t/handler-3`. */
class Names {
  readonly #used = new Set<string>();

  next(label: string): string {
    let name = label;
    for (let number = 2; this.#used.has(name); number++) name = `${label}-${number}`;
    this.#used.add(name);
    return name;
  }
}

/** `tasks/beat` for the function beat of tasks.py. No name of the ini has a slash in it. */
function labelOf({ name, place, signal }: Registration): string {
  const own = name?.replaceAll(".<locals>", "").replaceAll(/\s+/g, "_") ??
    (place === null ? `signal-${signal}` : "anonymous");
  return `${place === null ? "code" : moduleName(place.file)}/${own}`;
}

function moduleName(file: string): string {
  const name = basename(file).replace(/\.[^.]*$/, "");
  return name === "__init__" || name === "index" ? basename(dirname(file)) : name;
}

/** Version 0.1 had each owner's jobs of its own, by the bare name of their function. */
function formerIdsOf(
  { name, signal, formerNames = [] }: Registration,
  whenText: string,
  owners: readonly string[],
): string[] {
  const names = new Set([...(name === null ? [`signal ${signal}`] : [name]), ...formerNames]);
  return owners.flatMap((owner) => [...names].map((each) => `${owner}/${each} ${whenText}`));
}

interface RegisteredWhen {
  readonly when: When;
  readonly whenText: string;
  /** How often each run calls the handler. */
  readonly times: number;
}

function jobOf(
  { registration, owner, id, formerIds, name, when, whenText, times }: RegisteredWhen & {
    readonly registration: Registration;
    readonly owner: string;
    readonly id: string;
    readonly formerIds: readonly string[];
    readonly name: string;
  },
): ScheduleConfig {
  const { signal, place, overlap = "skip" } = registration;
  return {
    name,
    id,
    formerIds,
    when,
    whenText,
    action: { kind: "signal", signal, owner, times },
    overlap,
    once: null,
    group: null,
    catchupMs: 0,
    jitterMs: 0,
    harakiriMs: null,
    retries: 0,
    user: null,
    cwd: null,
    onFailure: null,
    place: place ?? { file: owner, line: 0 },
  };
}

function timeOf({ signal, time }: Registration, zone: Zone): RegisteredWhen {
  if (!isWhole(signal, 0, SIGNAL_MAX)) {
    throw new SyntaxError(`needs a signal from 0 to ${SIGNAL_MAX}: ${signal}`);
  }
  switch (time.kind) {
    case "timer":
      return intervalOf(time.seconds, 0);
    case "rbtimer":
      return intervalOf(time.seconds, time.iterations);
    case "cron":
      return cronOf(time.fields, zone);
    default:
      return time satisfies never;
  }
}

function intervalOf(seconds: number, iterations: number): RegisteredWhen {
  if (!isWhole(iterations, 0, Number.MAX_SAFE_INTEGER)) {
    throw new SyntaxError(`needs a number of iterations, 0 for no end: ${iterations}`);
  }
  if (seconds === 0 && iterations > 0) {
    const once = { kind: "every", everyMs: 1000, atStart: true, iterations: 1 } as const;
    return { when: once, whenText: `at once, ${counted(iterations, "time")}`, times: iterations };
  }
  if (!(seconds >= SECONDS_MIN && seconds < Infinity)) {
    throw new SyntaxError(`needs seconds ≥ ${SECONDS_MIN}: ${seconds}`);
  }
  const everyMs = seconds * 1000;
  return {
    when: { kind: "every", everyMs, atStart: false, iterations: iterations || null },
    whenText: `every ${seconds}s${iterations === 0 ? "" : `, ${counted(iterations, "time")}`}`,
    times: 1,
  };
}

function cronOf(fields: readonly number[], zone: Zone): RegisteredWhen {
  if (fields.length !== FIELDS.length) {
    throw new SyntaxError(`needs minute, hour, day, month and weekday: ${fields.join(" ")}`);
  }
  const parsed = FIELDS.map((range, index) => {
    try {
      return parseField(String(fields[index]), range);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      throw new SyntaxError(`${range.name} ${error.message}`);
    }
  });
  return {
    when: { kind: "cron", spec: specOf(parsed), zone },
    whenText: fields.join(" "),
    times: 1,
  };
}

function isWhole(number: number, min: number, max: number): boolean {
  return Number.isInteger(number) && number >= min && number <= max;
}
