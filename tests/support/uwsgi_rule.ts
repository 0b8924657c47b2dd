/**
 * uWSGI's cron rule again, for tests to compare with: written from its documentation and its
 * behaviour, on the broken-down time of C, with nothing of the program's own in it.
 */

/** As in struct tm, but for the month, which is 1 to 12. */
export interface Tm {
  readonly min: number;
  readonly hour: number;
  readonly mday: number;
  readonly mon: number;
  readonly wday: number;
}

/** minute, hour, day, month, weekday: numbers as in the ini. */
export type Numbers = readonly [number, number, number, number, number];

export function uwsgiRuns([minute, hour, day, month, week]: Numbers, tm: Tm): boolean {
  if (minute < 0 ? tm.min % -minute !== 0 : tm.min !== minute) return false;
  if (hour < 0 ? tm.hour % -hour !== 0 : tm.hour !== hour) return false;
  if (month < 0 ? tm.mon % -month !== 0 : tm.mon !== month) return false;
  const dayFits = day < 0 ? tm.mday % -day === 0 : tm.mday === day;
  const weekFits = week < 0 ? tm.wday % -week === 0 : tm.wday === (week === 7 ? 0 : week);
  return day >= 0 && week >= 0 ? dayFits || weekFits : dayFits && weekFits;
}

/** The same numbers every time, spread over what people and uWSGI's own parser may write. */
export function randomNumbers(count: number, seed = 20261123): Numbers[] {
  let state = seed;
  const below = (n: number) => {
    // Numerical Recipes' linear congruential generator; its high bits are good enough here.
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor(state / 2 ** 32 * n);
  };
  const field = (min: number, max: number) => {
    switch (below(3)) {
      case 0:
        return -1;
      case 1:
        return -(1 + below(max + 2));
      default:
        return min + below(max - min + 1);
    }
  };
  return Array.from(
    { length: count },
    () => [field(0, 59), field(0, 23), field(1, 31), field(1, 12), field(0, 7)] as const,
  );
}
