/**
 * uWSGI's cron rule: five numbers, -1 for "every", -n for "every value that n divides".
 *
 * Source: uWSGI 2.0 core/cron.c, uwsgi_cron_task_needs_execution. Day of month and weekday are
 * alternatives when both are given as 0 or more; otherwise all five must match.
 */

export interface CronSpec {
  readonly minute: number;
  readonly hour: number;
  readonly day: number;
  readonly month: number;
  /** 0 is Sunday, and so is 7. */
  readonly weekday: number;
}

/** A minute of local time, in the terms cron has for it: month 1 to 12, weekday 0 (Sunday) to 6. */
export interface LocalMinute {
  readonly minute: number;
  readonly hour: number;
  readonly day: number;
  readonly month: number;
  readonly weekday: number;
}

const FIELDS: readonly [keyof CronSpec, number][] = [
  ["minute", 59],
  ["hour", 23],
  ["day", 31],
  ["month", 12],
  ["weekday", 7],
];

/**
 * @param fields minute, hour, day, month, weekday
 * @throws {SyntaxError} naming the field that is wrong
 */
export function parseCron(fields: readonly string[]): CronSpec {
  const spec = { minute: -1, hour: -1, day: -1, month: -1, weekday: -1 };
  FIELDS.forEach(([name, max], i) => {
    const text = fields[i] ?? "";
    if (!/^-?\d{1,4}$/.test(text) || Number(text) > max) {
      throw new SyntaxError(
        `${name} wants a number from 0 to ${max}, -1 (every) or -n (every n): "${text}"`,
      );
    }
    spec[name] = Number(text);
  });
  return spec;
}

/** Whether a job with this spec runs in this minute. */
export function matches(spec: CronSpec, at: LocalMinute): boolean {
  const fits = (wanted: number, actual: number): boolean =>
    wanted < 0 ? actual % -wanted === 0 : actual === wanted;
  const weekday = spec.weekday === 7 ? 0 : spec.weekday;
  const day = fits(spec.day, at.day);
  const ofWeek = fits(weekday, at.weekday);
  return fits(spec.minute, at.minute) && fits(spec.hour, at.hour) && fits(spec.month, at.month) &&
    (spec.day >= 0 && spec.weekday >= 0 ? day || ofWeek : day && ofWeek);
}

/** @param at milliseconds since the epoch, read in the machine's own zone */
export function localMinute(at: number): LocalMinute {
  const date = new Date(at);
  return {
    minute: date.getMinutes(),
    hour: date.getHours(),
    day: date.getDate(),
    month: date.getMonth() + 1,
    weekday: date.getDay(),
  };
}

/** The five numbers as in the ini. */
export function cronText({ minute, hour, day, month, weekday }: CronSpec): string {
  return [minute, hour, day, month, weekday].join(" ");
}
