import { Calendar } from "../../src/schedule/calendar.ts";
import { parseCronTime } from "../../src/schedule/line.ts";
import { zoneOf } from "../../src/platform/zone.ts";
import { assert, assertEquals } from "../support/assert.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

function calendarOf(line: string, zone: string): Calendar {
  const time = parseCronTime(line);
  assert(time.kind === "cron");
  return new Calendar(time.spec, zoneOf(zone));
}

/** The slots from `from` up to and with `to`. */
function slotsOf(calendar: Calendar, from: number, to: number): number[] {
  const slots: number[] = [];
  for (let at = calendar.next(from - 1); at !== null && at <= to; at = calendar.next(at)) {
    slots.push(at);
  }
  return slots;
}

const ZONES = [
  "UTC",
  "Europe/Berlin",
  "America/New_York",
  "Australia/Lord_Howe",
  "Asia/Kathmandu",
];

/** The changes of clocks of 2026 in these zones. */
const DAYS = ["2026-03-08", "2026-03-29", "2026-04-05", "2026-10-04", "2026-10-25", "2026-11-01"];

/** What a clock on the wall shows, found the slow way: hour and minute of each instant by Intl. */
function wallClock(zone: string) {
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone: zone,
    hourCycle: "h23",
    hour: "numeric",
    minute: "numeric",
    day: "numeric",
    month: "numeric",
  });
  return (at: number) => {
    const parts = format.formatToParts(at);
    const part = (type: string) => Number(parts.find((found) => found.type === type)?.value);
    return { day: part("day"), hour: part("hour"), minute: part("minute") };
  };
}

for (const zone of ZONES) {
  Deno.test(`${zone}: a job of every hour runs whenever the clock on the wall shows its minutes`, () => {
    const show = wallClock(zone);
    const calendar = calendarOf("*/20 * * * *", zone);
    for (const day of DAYS) {
      const from = Date.parse(`${day}T00:00Z`) - DAY_MS;
      const to = from + 3 * DAY_MS;
      const expected: number[] = [];
      for (let at = from; at <= to; at += MINUTE_MS) {
        if (show(at).minute % 20 === 0) expected.push(at);
      }
      assertEquals(slotsOf(calendar, from, to), expected, day);
    }
  });

  Deno.test(`${zone}: a job of certain hours runs once a day, on every day`, () => {
    for (const line of ["30 2 * * *", "0 0 * * *", "45 1 * * *", "15 2 * * *", "59 23 * * *"]) {
      const calendar = calendarOf(line, zone);
      const show = wallClock(zone);
      const slots = slotsOf(calendar, Date.UTC(2026, 0, 2), Date.UTC(2026, 11, 31) - 1);
      assertEquals(slots.length, 363, line);
      const days = slots.map((at) => show(at).day);
      assert(days.every((day, i) => i === 0 || day !== days[i - 1]), `${line} twice a day`);
    }
  });
}

function wallTimes(line: string, zone: string, from: string, to: string): string[] {
  const slots = slotsOf(calendarOf(line, zone), Date.parse(from), Date.parse(to));
  const show = wallClock(zone);
  return slots.map((at) => {
    const { hour, minute } = show(at);
    return `${hour}:${String(minute).padStart(2, "0")}`;
  });
}

const GAP = ["2026-03-29T00:00Z", "2026-03-29T02:30Z"] as const;
const FOLD = ["2026-10-24T23:30Z", "2026-10-25T02:30Z"] as const;

Deno.test("in a gap all slots of a job of certain hours are one, at its end", () => {
  assertEquals(wallTimes("30 2 * * *", "Europe/Berlin", ...GAP), ["3:00"]);
  assertEquals(wallTimes("*/10 2 * * *", "Europe/Berlin", ...GAP), ["3:00"]);
  assertEquals(wallTimes("0 1,2,3 * * *", "Europe/Berlin", ...GAP), ["1:00", "3:00"]);
});

Deno.test("in a gap a job of every hour neither makes up nor leaves out", () => {
  assertEquals(wallTimes("30 * * * *", "Europe/Berlin", ...GAP), ["1:30", "3:30", "4:30"]);
});

Deno.test("in a fold a job of certain hours runs in the first pass only", () => {
  assertEquals(wallTimes("30 2 * * *", "Europe/Berlin", ...FOLD), ["2:30"]);
  assertEquals(wallTimes("*/20 2 * * *", "Europe/Berlin", ...FOLD), ["2:00", "2:20", "2:40"]);
});

Deno.test("in a fold a job of every hour goes on through both passes", () => {
  const times = wallTimes("30 * * * *", "Europe/Berlin", ...FOLD);
  assertEquals(times, ["1:30", "2:30", "2:30", "3:30"]);
});

Deno.test("last finds what next finds, and count counts it", () => {
  const calendar = calendarOf("*/7 1-4 * * *", "Europe/Berlin");
  const [from, to] = [Date.parse("2026-10-20T00:00Z"), Date.parse("2026-10-30T00:00Z")];
  const slots = slotsOf(calendar, from + 1, to);
  assertEquals(calendar.count(from, to), slots.length);
  const backwards: number[] = [];
  for (let at = calendar.last(from, to); at !== null; at = calendar.last(from, at - 1)) {
    backwards.push(at);
  }
  assertEquals(backwards.reverse(), slots);
});
