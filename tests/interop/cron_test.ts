/** One ini of cron lines, run at the same time by the real uWSGI 2.0 and by the program. */

import { join } from "@std/path";
import { assert, assertEquals } from "../support/assert.ts";
import { Program } from "../support/program.ts";
import { testWith } from "../support/require.ts";
import { tempDir } from "../support/temp.ts";
import { type Numbers, type Tm, uwsgiRuns } from "../support/uwsgi_rule.ts";

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
/** A round needs some seconds, and must not come upon the end of its minute. */
const ROOM_MS = 30 * SECOND_MS;
const ROUNDS = 5;
/** Both go by the clock of this zone. */
const ENV = { TZ: "UTC" };

function tmOf(at: number): Tm {
  const date = new Date(at);
  return {
    min: date.getUTCMinutes(),
    hour: date.getUTCHours(),
    mday: date.getUTCDate(),
    mon: date.getUTCMonth() + 1,
    wday: date.getUTCDay(),
  };
}

const minuteOf = (at: number) => Math.floor(at / MINUTE_MS);

/** Resolves in a minute that still lasts long enough. */
async function roomInTheMinute(): Promise<void> {
  const left = MINUTE_MS - Date.now() % MINUTE_MS;
  if (left < ROOM_MS) await new Promise((resolve) => setTimeout(resolve, left));
}

/** Rules around one minute: what fires in it, and what nearly does. */
function rulesAround(at: number): Numbers[] {
  const { min, hour, mday, mon, wday } = tmOf(at);
  const other = (value: number, from: number, to: number) => value === to ? from : value + 1;
  const rules: Numbers[] = [
    [min, -1, -1, -1, -1],
    [other(min, 0, 59), -1, -1, -1, -1],
    [min, hour, mday, mon, wday],
    [min, hour, -1, -1, -1],
    [-1, other(hour, 0, 23), -1, -1, -1],
    // Day and weekday are alternatives when both are given.
    [-1, -1, mday, -1, other(wday, 0, 6)],
    [-1, -1, other(mday, 1, 31), -1, wday],
    [-1, -1, other(mday, 1, 31), -1, other(wday, 0, 6)],
    [-1, -1, other(mday, 1, 31), -1, -1],
    [-1, -1, -1, -1, other(wday, 0, 6)],
    [-1, -1, -1, -1, wday === 0 ? 7 : wday],
    [-1, -1, -2, -1, wday],
    [-1, -1, mday, -1, -2],
    [-1, -1, -1, other(mon, 1, 12), -1],
    [-1, -1, -1, -1, 7],
  ];
  // -n is what n divides.
  for (const n of [2, 3, 4, 5, 7]) {
    rules.push([-n, -1, -1, -1, -1], [-1, -n, -1, -1, -1], [-1, -1, -n, -1, -1]);
    rules.push([-1, -1, -1, -n, -1], [-1, -1, -1, -1, -n]);
  }
  return rules;
}

/** The same rule as a line of each option, in turn. */
function lineOf([minute, hour, day, month, week]: Numbers, index: number, command: string): string {
  switch (index % 3) {
    case 0:
      return `cron = ${minute} ${hour} ${day} ${month} ${week} ${command}`;
    case 1:
      return `unique-cron = ${minute} ${hour} ${day} ${month} ${week} ${command}`;
    default: {
      const fields = `minute=${minute},hour=${hour},day=${day},month=${month},week=${week}`;
      return `cron2 = ${fields},unique=1 ${command}`;
    }
  }
}

/** A command of its own for each job, so that the logs name it: links to one that does nothing. */
async function makeCommands(dir: string, names: readonly string[]): Promise<void> {
  for (const name of names) await Deno.symlink("/bin/true", join(dir, name));
}

/** The names of the jobs that a log says were started, each as often as it was. */
function startsIn(log: string, pattern: RegExp): string[] {
  return [...log.matchAll(pattern)].map(([, name]) => name ?? "").sort();
}

const OURS = /job (\S+) started/g;
const THEIRS = /\[uwsgi-cron\] running "\S*\/(\w+)"/g;

testWith("uwsgi", "cron lines fire in the same minutes as under uWSGI", async () => {
  for (let round = 1; round <= ROUNDS; round++) {
    await roomInTheMinute();
    const began = Date.now();
    if (await comparedWithin(began)) return;
    // The machine was too busy: what fired may be of one minute or of the next.
  }
  throw new Error(`in ${ROUNDS} rounds the start took longer than ${ROOM_MS} ms`);
});

/** @returns false when the minute ended before everything of it had started */
async function comparedWithin(began: number): Promise<boolean> {
  await using temp = await tempDir();
  const rules = rulesAround(began);
  const names = rules.map((_, index) => `rule${index}`);
  await makeCommands(temp.path, [...names, "each", "next"]);
  const ini = join(temp.path, "cron.ini");
  const command = (name: string) => join(temp.path, name);
  const next = tmOf(began + MINUTE_MS).min;
  const lines = rules.map((rule, index) => lineOf(rule, index, command(names[index] ?? "")));
  await Deno.writeTextFile(
    ini,
    [
      "[uwsgi]",
      ...lines,
      // Both read their lines in order, cron2 last: when these have started, so has all before.
      `cron2 = minute=-1 ${command("each")}`,
      `cron2 = minute=${next} ${command("next")}`,
      "",
    ].join("\n"),
  );

  await using theirs = Program.launch(
    "uwsgi",
    ["--master", "--die-on-term", "--socket", join(temp.path, "own.sock"), "--ini", ini],
    { env: ENV },
  );
  await using ours = await Program.start(["--ini", ini], { env: ENV });
  await theirs.line(/running "\S*\/each"/);
  await ours.line(/job each started/);
  if (minuteOf(Date.now()) !== minuteOf(began)) return false;

  const expected = names.filter((_, index) => uwsgiRuns(rules[index] as Numbers, tmOf(began)));
  assert(expected.length >= 8 && expected.length <= rules.length - 8, `${expected.length} fire`);
  assertEquals(startsIn(theirs.log, THEIRS), [...expected, "each"].sort());
  assertEquals(startsIn(ours.log, OURS), [...expected, "each"].sort());

  // In the next minute its own job starts, and none that is of the last one only.
  await theirs.line(/running "\S*\/next"/, 1, 2 * MINUTE_MS);
  await ours.line(/job next started/, 1, 2 * MINUTE_MS);
  const gone = names.filter((_, index) =>
    uwsgiRuns(rules[index] as Numbers, tmOf(began)) &&
    !uwsgiRuns(rules[index] as Numbers, tmOf(began + MINUTE_MS))
  );
  assert(gone.length > 0);
  for (const [log, pattern] of [[theirs.log, THEIRS], [ours.log, OURS]] as const) {
    const starts = startsIn(log, pattern);
    assertEquals(starts.filter((name) => gone.includes(name)), [...gone].sort());
    assertEquals(starts.filter((name) => name === "next"), ["next"]);
  }
  assertEquals(await ours.stop(), 0);
  await theirs.stop();
  return true;
}
