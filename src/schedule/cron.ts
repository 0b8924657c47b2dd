/**
 * A cron rule: which minutes of which days, and how the five fields of a line make one.
 *
 * Day of month and weekday are alternatives when both are given as values; when one of them is
 * "every" or "every n", both must match. uWSGI and Vixie cron agree on this, each for its own way
 * of writing "every".
 *
 * Sources: uWSGI 2.0 core/uwsgi.c, uwsgi_cron_task_needs_execution; Vixie cron entry.c and cron.c.
 *
 * @pure
 */

import {
  DAY,
  type Field,
  type FieldRange,
  HOUR,
  MINUTE,
  MONTH,
  parseField,
  WEEKDAY,
} from "./field.ts";

/** All in ascending order, but for the weekdays: the calendar takes its slots from them in turn. */
export interface CronSpec {
  readonly minutes: ReadonlySet<number>;
  readonly hours: ReadonlySet<number>;
  /** 1 to 31. */
  readonly days: ReadonlySet<number>;
  /** 1 to 12. */
  readonly months: ReadonlySet<number>;
  /** 0 (Sunday) to 6. */
  readonly weekdays: ReadonlySet<number>;
  /** The day fits when either day of month or weekday does, not only when both do. */
  readonly dayOrWeekday: boolean;
}

/** A day of the calendar, in the terms cron has for it: month 1 to 12, weekday 0 (Sunday) to 6. */
export interface LocalDay {
  readonly day: number;
  readonly month: number;
  readonly weekday: number;
}

export const FIELDS: readonly FieldRange[] = [MINUTE, HOUR, DAY, MONTH, WEEKDAY];

/** What `@name` stands for, in crontab's five fields. */
export const NICKNAMES: Readonly<Record<string, string>> = {
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
  "@monthly": "0 0 1 * *",
  "@weekly": "0 0 * * 0",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@hourly": "0 * * * *",
};

/** A word of a line, and where it begins: 1 for the first character. */
export interface Word {
  readonly text: string;
  readonly column: number;
}

/**
 * @param words minute, hour, day, month, weekday
 * @throws {SyntaxError} naming the field, its position and what stands there
 */
export function parseCron(words: readonly Word[]): CronSpec {
  const fields = FIELDS.map((range, index) => {
    const word = words[index];
    if (word === undefined) throw new SyntaxError(`needs five fields; ${range.name} is missing`);
    return parseWord(word, range, index);
  });
  return specOf(fields);
}

function parseWord(word: Word, range: FieldRange, index: number): Field {
  try {
    return parseField(word.text, range);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const position = `${range.name} (field ${index + 1}, character ${word.column})`;
    throw new SyntaxError(`${position} ${error.message}`);
  }
}

/** @param fields minute, hour, day, month, weekday */
export function specOf(fields: readonly Field[]): CronSpec {
  const [minute, hour, day, month, weekday] = fields;
  if (!minute || !hour || !day || !month || !weekday) throw new RangeError("needs five fields");
  return {
    minutes: minute.values,
    hours: hour.values,
    days: day.values,
    months: month.values,
    weekdays: new Set([...weekday.values].map((value) => value % 7)),
    dayOrWeekday: !day.free && !weekday.free,
  };
}

/** Whether a job with this rule runs on this day at all. */
export function matchesDay(spec: CronSpec, at: LocalDay): boolean {
  const day = spec.days.has(at.day);
  const weekday = spec.weekdays.has(at.weekday);
  return spec.months.has(at.month) && (spec.dayOrWeekday ? day || weekday : day && weekday);
}
