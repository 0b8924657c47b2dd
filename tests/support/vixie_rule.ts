/**
 * Vixie cron's rule again, for tests to compare with: written from crontab(5), with nothing of the
 * program's own in it. It asks of one minute whether it fits, and knows no other.
 */

import type { Tm } from "./uwsgi_rule.ts";

/** The five fields of a line, as text. */
export type Texts = readonly [string, string, string, string, string];

const LIMITS = [[0, 59], [0, 23], [1, 31], [1, 12], [0, 7]] as const;
const NAMES: readonly (readonly string[])[] = [
  [],
  [],
  [],
  ["", "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
  ["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
];

function numberOf(text: string, field: number): number {
  const named = NAMES[field]?.indexOf(text.toLowerCase()) ?? -1;
  return named >= 0 ? named : Number(text);
}

function fits(text: string, field: number, value: number): boolean {
  return text.split(",").some((item) => {
    const [range = "", step = "1"] = item.split("/");
    const [low, high] = LIMITS[field] ?? [0, 0];
    let [from, to]: [number, number] = [low, high];
    if (range !== "*") {
      const [first = "", last = first] = range.split("-");
      [from, to] = [numberOf(first, field), numberOf(last, field)];
    }
    for (let each = from; each <= to; each += Number(step)) if (each === value) return true;
    return false;
  });
}

export function vixieRuns(texts: Texts, { min, hour, mon, mday, wday }: Tm): boolean {
  const [minutes, hours, days, months, weekdays] = texts;
  if (!fits(minutes, 0, min) || !fits(hours, 1, hour) || !fits(months, 3, mon)) return false;
  const day = fits(days, 2, mday);
  const weekday = fits(weekdays, 4, wday) || wday === 0 && fits(weekdays, 4, 7);
  // "If both fields are restricted (i.e., do not contain the "*" character) …": a first character.
  return days.startsWith("*") || weekdays.startsWith("*") ? day && weekday : day || weekday;
}

/** The same lines every time: values, lists, ranges, steps and names, as people write them. */
export function randomTexts(count: number, seed = 20261124): Texts[] {
  let state = seed;
  const below = (n: number) => {
    // Numerical Recipes' linear congruential generator; its high bits are good enough here.
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor(state / 2 ** 32 * n);
  };
  const between = (low: number, high: number) => low + below(high - low + 1);
  const named = (value: number, field: number) => {
    const name = NAMES[field]?.[value];
    return name && below(2) === 0 ? (below(2) === 0 ? name : name.toUpperCase()) : String(value);
  };
  const item = (field: number): string => {
    const [low, high] = LIMITS[field] ?? [0, 0];
    const first = between(low, high);
    const last = between(first, high);
    switch (below(3)) {
      case 0:
        return named(first, field);
      case 1:
        return `${named(first, field)}-${named(last, field)}`;
      default:
        return `${first}-${last}/${between(1, high)}`;
    }
  };
  const field = (index: number): string => {
    const [, high] = LIMITS[index] ?? [0, 0];
    switch (below(4)) {
      case 0:
        return "*";
      case 1:
        return `*/${between(1, high)}`;
      default:
        return Array.from({ length: between(1, 3) }, () => item(index)).join(",");
    }
  };
  return Array.from(
    { length: count },
    () => [field(0), field(1), field(2), field(3), field(4)] as const,
  );
}
