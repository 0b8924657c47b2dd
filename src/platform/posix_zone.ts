/**
 * Time zones as POSIX writes them: `JST-9`, `<+03>-3`, `CET-1CEST,M3.5.0,M10.5.0/3`.
 *
 * Source: POSIX.1-2017, Base Definitions 8.3 (TZ), with hours up to 167 as in RFC 8536.
 *
 * @pure
 */

const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

/** The day of a year on which clocks change, and when: milliseconds behind its midnight. */
interface Rule {
  /** Wall time of the midnight of that day, as UTC would have it. */
  dayIn(year: number): number;
  readonly timeMs: number;
}

const NAME = "(?:[A-Za-z]{3,}|<[A-Za-z0-9+-]{3,}>)";
const TIME = "[+-]?\\d{1,3}(?::\\d{1,2}(?::\\d{1,2})?)?";
const DATE = `(?:M\\d{1,2}\\.\\d\\.\\d|J\\d{1,3}|\\d{1,3})(?:/${TIME})?`;
const ZONE = new RegExp(
  `^${NAME}(${TIME})(?:${NAME}(${TIME})?(?:,(${DATE}),(${DATE}))?)?$`,
);
const HAS_SUMMER = new RegExp(`^${NAME}${TIME}${NAME}`);

/** What glibc takes for a zone with a summer time and no rule: that of the United States. */
const DEFAULT_RULES = ["M3.2.0", "M11.1.0"] as const;
const CHANGES_AT = "2";

/**
 * @returns wall time minus UTC at an instant, in milliseconds; null for what is no such zone
 */
export function parsePosixZone(text: string): ((at: number) => number) | null {
  const [, standardText, summerText, startText, endText] = ZONE.exec(text) ?? [];
  if (standardText === undefined) return null;
  // POSIX counts to the west.
  const standard = -timeOf(standardText);
  if (Math.abs(standard) > 25 * HOUR_MS) return null;
  if (!HAS_SUMMER.test(text)) return () => standard;
  const summer = summerText === undefined ? standard + HOUR_MS : -timeOf(summerText);
  const start = ruleOf(startText ?? DEFAULT_RULES[0]);
  const end = ruleOf(endText ?? DEFAULT_RULES[1]);
  if (start === null || end === null) return null;
  return (at) => {
    const year = new Date(at + standard).getUTCFullYear();
    const from = start.dayIn(year) + start.timeMs - standard;
    const to = end.dayIn(year) + end.timeMs - summer;
    const isSummer = from < to ? at >= from && at < to : at >= from || at < to;
    return isSummer ? summer : standard;
  };
}

function timeOf(text: string): number {
  const [hours = 0, minutes = 0, seconds = 0] = text.replace(/^[+-]/, "").split(":").map(Number);
  const ms = ((hours * 60 + minutes) * 60 + seconds) * 1000;
  return text.startsWith("-") ? -ms : ms;
}

function ruleOf(text: string): Rule | null {
  const [date = "", time = CHANGES_AT] = text.split("/");
  const timeMs = timeOf(time);
  const [, month, week, weekday] = /^M(\d+)\.(\d)\.(\d)$/.exec(date)?.map(Number) ?? [];
  if (month !== undefined && week !== undefined && weekday !== undefined) {
    if (month < 1 || month > 12 || week < 1 || week > 5 || weekday > 6) return null;
    return { timeMs, dayIn: (year) => nthWeekday(year, month, week, weekday) };
  }
  const day = Number(date.replace("J", ""));
  if (!date.startsWith("J")) {
    return day > 365 ? null : { timeMs, dayIn: (year) => Date.UTC(year, 0, 1) + day * DAY_MS };
  }
  if (day < 1 || day > 365) return null;
  // 1 to 365, and the 29th of February is never counted.
  return {
    timeMs,
    dayIn: (year) => Date.UTC(year, 0, 1) + (day - (isLeap(year) && day >= 60 ? 0 : 1)) * DAY_MS,
  };
}

/** The first to fourth such weekday of a month; 5 is its last. */
function nthWeekday(year: number, month: number, week: number, weekday: number): number {
  const first = Date.UTC(year, month - 1, 1);
  const day = first + ((weekday - new Date(first).getUTCDay() + 7) % 7 + (week - 1) * 7) * DAY_MS;
  return new Date(day).getUTCMonth() === month - 1 ? day : day - 7 * DAY_MS;
}

function isLeap(year: number): boolean {
  return new Date(Date.UTC(year, 1, 29)).getUTCMonth() === 1;
}
