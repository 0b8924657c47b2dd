/** @pure */

// One field of a cron line: uWSGI's numbers and crontab's lists, ranges, steps and names.
//
//   5       5                                                 both
//   -1      every                                             uWSGI
//   -5      what 5 divides: minutes 0, 5, 10; days 5, 10, 15  uWSGI
//   *       every                                             crontab
//   */5     every fifth from the first: days 1, 6, 11         crontab
//   6-10    6, 7, 8, 9, 10 (uWSGI takes it for two fields)    crontab
//   8-18/2  8, 10 … 18                                        crontab
//   1,15    both; each item any of the crontab forms          crontab
//   mon     its number, in lists and ranges too               crontab
//
// Sources: uWSGI 2.0 core/uwsgi.c, uwsgi_cron_task_needs_execution; crontab(5) of Vixie cron.

export interface FieldRange {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  /** Names of the values, the first for `min`. */
  readonly names: readonly string[];
}

export interface Field {
  /** The values the field names, within its range, in ascending order. */
  readonly values: ReadonlySet<number>;
  /** Written as "every" or "every n": the field sets no day of its own (see CronSpec). */
  readonly free: boolean;
}

const MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split(" ");
const WEEKDAYS = "sun mon tue wed thu fri sat sun".split(" ");

export const MINUTE: FieldRange = { name: "minute", min: 0, max: 59, names: [] };
export const HOUR: FieldRange = { name: "hour", min: 0, max: 23, names: [] };
export const DAY: FieldRange = { name: "day", min: 1, max: 31, names: [] };
export const MONTH: FieldRange = { name: "month", min: 1, max: 12, names: MONTHS };
/** 0 and 7 are Sunday; both stay in the values. */
export const WEEKDAY: FieldRange = { name: "weekday", min: 0, max: 7, names: WEEKDAYS };

/**
 * @param text one field, without blanks
 * @throws {SyntaxError} saying what the field needs and what stands there instead
 */
export function parseField(text: string, range: FieldRange): Field {
  const every = /^-(\d{1,4})$/.exec(text)?.[1];
  if (every !== undefined) {
    const n = Number(every);
    if (n === 0) throw new SyntaxError(`needs -1 (every) or -n (every n): "${text}"`);
    return { values: valuesOf(range, (value) => value % n === 0), free: true };
  }
  const named = text.split(",").flatMap((item) => [...parseItem(item, range)]);
  const values = new Set(named.sort((a, b) => a - b));
  return { values, free: text.startsWith("*") };
}

function parseItem(item: string, range: FieldRange): ReadonlySet<number> {
  const [, from, to, step] = /^(\*|\w+)(?:-(\w+))?(?:\/(\w+))?$/.exec(item) ?? [];
  if (from === undefined || (from === "*" && to !== undefined)) throw misfit(item, range);
  if (from !== "*" && to === undefined && step !== undefined) {
    throw new SyntaxError(
      `needs a range before a step, as in ${from}-${range.max}/${step}: "${item}"`,
    );
  }
  const first = from === "*" ? range.min : parseValue(from, range, item);
  const last = from === "*" ? range.max : lastOf(first, to ?? from, range, item);
  const every = step === undefined ? 1 : Number(step);
  if (!/^\d{1,4}$/.test(step ?? "1") || every === 0) {
    throw new SyntaxError(`needs a step of 1 or more behind the slash: "${item}"`);
  }
  return valuesOf(
    range,
    (value) => value >= first && value <= last && (value - first) % every === 0,
  );
}

/** The end of a range. A week may end on `sun`, which is 7 there. */
function lastOf(first: number, text: string, range: FieldRange, item: string): number {
  const last = parseValue(text, range, item);
  if (last >= first) return last;
  if (text.toLowerCase() === "sun") return range.max;
  throw new SyntaxError(
    `needs a range to go up; one over the end is two: ${first}-${range.max},${range.min}-${last}: "${item}"`,
  );
}

function parseValue(text: string, range: FieldRange, item: string): number {
  const named = range.names.indexOf(text.toLowerCase());
  if (named !== -1) return range.min + named;
  const value = Number(text);
  if (!/^\d{1,4}$/.test(text) || value < range.min || value > range.max) throw misfit(item, range);
  return value;
}

function misfit(item: string, range: FieldRange): SyntaxError {
  const special = /[LW#?~H]/.exec(item)?.[0];
  if (special !== undefined && /^[\dLW#?~H*/()-]+$/.test(item)) {
    const advice = special === "~" || special === "H"
      ? "random times are jitter=SECONDS of cron2"
      : "known are numbers, names, *, lists, ranges and steps";
    return new SyntaxError(`does not know "${special}" (${advice}): "${item}"`);
  }
  const name = range.names[1];
  const names = name === undefined ? "" : `, a name such as ${name}`;
  return new SyntaxError(
    `needs numbers from ${range.min} to ${range.max}${names}, *, -n, a list or a range: "${item}"`,
  );
}

function valuesOf(range: FieldRange, wanted: (value: number) => boolean): ReadonlySet<number> {
  const values = new Set<number>();
  for (let value = range.min; value <= range.max; value++) if (wanted(value)) values.add(value);
  return values;
}
