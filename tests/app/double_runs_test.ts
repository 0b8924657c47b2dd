/** What would run in a uWSGI as well, and is said at the start and by check. */

import { doubleRuns } from "../../src/app/double_runs.ts";
import { interpret } from "../../src/config/interpret.ts";
import { assertEquals } from "../support/assert.ts";
import { entriesOf } from "../support/entries.ts";

function warned(lines: string[], spoolers: [string, number][] = []): string[] {
  const { config } = interpret(entriesOf(lines), "/srv/site.ini");
  return doubleRuns(config, () => new Map(spoolers)).map(({ place, message }) =>
    `${place.line} ${message}`
  );
}

const CRON = "cron = 5 -1 -1 -1 -1 ./backup";

Deno.test("a spool of our own has nothing that runs twice", () => {
  assertEquals(warned(["spooler = s", CRON, "import = tasks.py"]), []);
});

Deno.test("cron lines beside a spooler-external are named once", () => {
  const lines = [
    "spooler-external = s",
    CRON,
    "unique-cron = 6 -1 -1 -1 -1 ./report",
    "timer2 = every=5s ./beat",
  ];
  assertEquals(warned(lines), [
    "3 cron backup and 1 more would run twice if the program that works on /srv/s reads this " +
    "ini, too: keep cron lines where only one of them reads them",
  ]);
});

Deno.test("a uWSGI that works through the spool is named, with what it would double", () => {
  assertEquals(warned(["spooler = s", CRON, "import = tasks.py"], [["/srv/s", 77]]), [
    "0 uWSGI (pid 77) works on /srv/s as well: each task runs in one of the two",
    "3 cron backup would run twice if uWSGI (pid 77) reads this ini, too: keep cron lines where " +
    "only one of them reads them",
    "4 timers and crons that tasks.py registers would run twice if uWSGI (pid 77) imports it, too: " +
    "give its spool to one of them alone",
  ]);
});
