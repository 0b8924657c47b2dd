import { Calendar } from "../../src/schedule/calendar.ts";
import { parseCronTime } from "../../src/schedule/line.ts";
import { zoneOf } from "../../src/platform/zone.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { type Numbers, randomNumbers, type Tm, uwsgiRuns } from "../support/uwsgi_rule.ts";
import { randomTexts, type Texts, vixieRuns } from "../support/vixie_rule.ts";

const UTC = zoneOf("UTC");
const MINUTE_MS = 60_000;

function calendarOf(line: string): Calendar {
  const time = parseCronTime(line);
  assert(time.kind === "cron");
  return new Calendar(time.spec, UTC);
}

const runsAt = (line: string, at: number) => calendarOf(line).last(at - 1, at) === at;

Deno.test("4,000 answers of uWSGI 2.0.21 are ours, too", async () => {
  const file = new URL("../fixtures/schedule/uwsgi-cron.txt", import.meta.url);
  const lines = (await Deno.readTextFile(file)).trim().split("\n");
  assertEquals(lines.length, 4000);
  for (const line of lines) {
    const [time = "", ...rest] = line.split(" ");
    const [numbers, answer] = [rest.slice(0, 5).join(" "), rest[5]];
    assertEquals(runsAt(numbers, Date.parse(time)), answer === "runs", line);
  }
});

/** Every minute of 2027 and 2028, which has a leap day. */
const [START, END] = [Date.UTC(2027, 0), Date.UTC(2029, 0)];

/** Calls `visit` for every minute; one object serves them all. */
function eachMinute(visit: (at: number, tm: Tm) => void): void {
  const tm = { min: 0, hour: 0, mday: 0, mon: 0, wday: 0 };
  for (let day = START; day < END; day += 24 * 60 * MINUTE_MS) {
    const date = new Date(day);
    tm.mday = date.getUTCDate();
    tm.mon = date.getUTCMonth() + 1;
    tm.wday = date.getUTCDay();
    for (let minute = 0; minute < 24 * 60; minute++) {
      tm.hour = Math.floor(minute / 60);
      tm.min = minute % 60;
      visit(day + minute * MINUTE_MS, tm);
    }
  }
}

/** Compares every minute; returns how often the rule runs. */
function countAgreeing(line: string, theirsAt: (tm: Tm) => boolean): number {
  const calendar = calendarOf(line);
  let next = calendar.next(START - 1);
  let runs = 0;
  eachMinute((at, tm) => {
    const theirs = theirsAt(tm);
    if (theirs !== (at === next)) {
      throw new Error(`${line} at ${new Date(at).toISOString()}: should run: ${theirs}`);
    }
    if (!theirs) return;
    runs++;
    next = calendar.next(at);
  });
  return runs;
}

Deno.test("300 rules agree with uWSGI's in every minute of two years", () => {
  const rules: Numbers[] = [[-1, -1, -1, -1, -1], [0, 0, 29, 2, -1], ...randomNumbers(298)];
  let runs = 0;
  for (const rule of rules) {
    runs += countAgreeing(rule.join(" "), (tm) => uwsgiRuns(rule, tm));
  }
  assert(runs > 1_000_000, `only ${runs} runs were compared`);
});

Deno.test("200 lines agree with Vixie cron's rule in every minute of two years", () => {
  const lines: Texts[] = [
    ["*/5", "8-18", "*", "*", "mon-fri"],
    ["0", "0", "1,15", "*", "sun"],
    ["0", "0", "*/2", "*", "7"],
    ["30", "4", "1-7", "jan,JUL", "5-7"],
    ...randomTexts(196),
  ];
  let runs = 0;
  for (const line of lines) {
    // A day is asked about once, not 1,440 times.
    const known = new Map<string, boolean>();
    const remembered = (key: string, ask: () => boolean) => {
      let answer = known.get(key);
      if (answer === undefined) known.set(key, answer = ask());
      return answer;
    };
    const [minute, hour, day, month, weekday] = line;
    runs += countAgreeing(
      line.join(" "),
      (tm) =>
        remembered(
          `${tm.mon} ${tm.mday} ${tm.wday}`,
          () => vixieRuns(["*", "*", day, month, weekday], tm),
        ) &&
        remembered(`${tm.hour}:${tm.min}`, () => vixieRuns([minute, hour, "*", "*", "*"], tm)),
    );
  }
  assert(runs > 1_000_000, `only ${runs} runs were compared`);
});

Deno.test("day and weekday are alternatives only when both are given, in both languages", () => {
  const days = (line: string) => {
    const calendar = calendarOf(line);
    const found: number[] = [];
    // November 2026 begins on a Sunday.
    for (let at = calendar.next(Date.UTC(2026, 10) - 1); at !== null; at = calendar.next(at)) {
      if (at >= Date.UTC(2026, 11)) break;
      found.push(new Date(at).getUTCDate());
    }
    return found;
  };
  assertEquals(days("0 0 15 * 1"), [2, 9, 15, 16, 23, 30]);
  assertEquals(days("0 0 15 -1 1"), [2, 9, 15, 16, 23, 30]);
  assertEquals(days("0 0 * * 1"), [2, 9, 16, 23, 30]);
  assertEquals(days("0 0 */10 * 0"), [1]);
  assertEquals(days("0 0 -5 -1 7"), [15]);
});

Deno.test("a day that never comes has no slot, a rare one has", () => {
  assertEquals(calendarOf("0 0 30 2 *").next(0), null);
  // A Sunday the 29th of February, with 2100 no leap year.
  assertEquals(calendarOf("0 0 29 2 */7").next(Date.UTC(2096, 2)), Date.UTC(2128, 1, 29));
});
