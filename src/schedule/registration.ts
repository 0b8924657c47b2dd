/**
 * Jobs that task code registers while the program runs: uWSGI's `add_timer`, `add_rb_timer` and
 * `add_cron`, as the schedules understand them.
 *
 * A job is known by its owner, its name and its time. Every worker of an owner runs the same code
 * and registers the same jobs, again after each restart: what is known by the same three is one job.
 *
 * Sources: uWSGI 2.0 core/signal.c (uwsgi_add_timer, uwsgi_signal_add_rb_timer) and core/cron.c
 * (uwsgi_signal_add_cron).
 *
 * @pure
 */

import type { Overlap, ScheduleConfig, When } from "./settings.ts";
import type { Zone } from "../platform/zone.ts";
import { FIELDS, specOf } from "./cron.ts";
import { parseField } from "./field.ts";

export type RegisteredTime =
  /** Every so many seconds, without end. */
  | { readonly kind: "timer"; readonly seconds: number }
  /** Every so many seconds, so many times; 0 is without end. */
  | { readonly kind: "rbtimer"; readonly seconds: number; readonly iterations: number }
  /** Minute, hour, day, month, weekday in uWSGI's numbers: -1 is every, -n every n. */
  | { readonly kind: "cron"; readonly fields: readonly number[] };

export interface Registration {
  /** What task code calls it, such as `tasks.beat`, or `signal 17`. */
  readonly name: string;
  /** 0 to 255. It may be another one after a restart of the worker. */
  readonly signal: number;
  readonly time: RegisteredTime;
  /** What becomes of it while its last run goes on: `skip`, where this is absent. */
  readonly overlap?: Overlap;
}

const SIGNAL_MAX = 255;
/** More often would keep the program busy with itself. */
const SECONDS_MIN = 0.001;

/**
 * @param owner whose task code it is: the name of a spool
 * @param zone of the cron jobs
 * @returns one job for each; what was registered twice is there once, as it came last
 * @throws {SyntaxError} naming the job and what it wants
 */
export function registeredJobs(
  owner: string,
  registrations: readonly Registration[],
  zone: Zone,
): ScheduleConfig[] {
  const jobs = new Map<string, ScheduleConfig>();
  for (const registration of registrations) {
    const job = jobOf(owner, registration, zone);
    jobs.set(job.id, job);
  }
  return [...jobs.values()];
}

function jobOf(owner: string, registration: Registration, zone: Zone): ScheduleConfig {
  const { name, signal, time, overlap = "skip" } = registration;
  const { when, whenText } = named(name, () => {
    if (!isWhole(signal, 0, SIGNAL_MAX)) {
      throw new SyntaxError(`wants a signal from 0 to ${SIGNAL_MAX}: ${signal}`);
    }
    return whenOf(time, zone);
  });
  return {
    name: `${owner}/${name}`,
    // No name of the ini has a slash or a blank in it.
    id: `${owner}/${name} ${whenText}`,
    when,
    whenText,
    action: { kind: "signal", signal, owner },
    overlap,
    group: null,
    catchupMs: 0,
    jitterMs: 0,
    harakiriMs: null,
    retries: 0,
    user: null,
    onFailure: null,
    place: { file: owner, line: 0 },
  };
}

function whenOf(time: RegisteredTime, zone: Zone): { when: When; whenText: string } {
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

function intervalOf(seconds: number, iterations: number): { when: When; whenText: string } {
  if (!(seconds >= SECONDS_MIN && seconds < Infinity)) {
    throw new SyntaxError(`wants seconds ≥ ${SECONDS_MIN}: ${seconds}`);
  }
  if (!isWhole(iterations, 0, Number.MAX_SAFE_INTEGER)) {
    throw new SyntaxError(`wants a number of iterations, 0 for no end: ${iterations}`);
  }
  const times = iterations === 0 ? "" : `, ${iterations} times`;
  return {
    when: {
      kind: "every",
      everyMs: seconds * 1000,
      atStart: false,
      iterations: iterations || null,
    },
    whenText: `every ${seconds}s${times}`,
  };
}

function cronOf(fields: readonly number[], zone: Zone): { when: When; whenText: string } {
  if (fields.length !== FIELDS.length) {
    throw new SyntaxError(`wants minute, hour, day, month and weekday: ${fields.join(" ")}`);
  }
  const parsed = FIELDS.map((range, index) =>
    named(range.name, () => parseField(String(fields[index]), range))
  );
  return { when: { kind: "cron", spec: specOf(parsed), zone }, whenText: fields.join(" ") };
}

function isWhole(number: number, min: number, max: number): boolean {
  return Number.isInteger(number) && number >= min && number <= max;
}

/** Says of what a complaint is. */
function named<T>(name: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new SyntaxError(`${name} ${error.message}`);
  }
}
