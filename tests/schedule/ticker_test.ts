import type { When } from "../../src/config/config.ts";
import type { Event } from "../../src/report/event.ts";
import { parseCron } from "../../src/schedule/cron.ts";
import { nextTime, Ticker } from "../../src/schedule/ticker.ts";
import { assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";

const cron = (spec: string): When => ({ kind: "cron", spec: parseCron(spec.split(" ")) });

Deno.test("the next time of a cron job is the start of a minute that matches", () => {
  const at = new Date(2026, 10, 23, 9, 30, 12).getTime();
  assertEquals(nextTime(cron("-15 -1 -1 -1 -1"), at), new Date(2026, 10, 23, 9, 45).getTime());
  assertEquals(nextTime(cron("0 0 29 2 -1"), at), new Date(2028, 1, 29).getTime());
});

Deno.test("a job on the 31st of February has no next time", () => {
  assertEquals(nextTime(cron("0 0 31 2 -1"), 0), Infinity);
});

/** A ticker whose commands never get to run: the clock stands, the first thing they do is told. */
function started(when: When) {
  const clock = new FakeClock();
  const events: Event[] = [];
  const abort = new AbortController();
  const ticker = new Ticker({
    schedules: [{ name: "job", when, command: "sleep 600", place: { file: "t", line: 1 } }],
    cwd: "/",
    clock,
    emit: (event) => events.push(event),
    abort: abort.signal,
  });
  ticker.start();
  const types = () => events.map(({ type }) => type);
  return { clock, ticker, abort, types };
}

Deno.test("a timer starts its command at its time, and skips it while the last one runs", async () => {
  const { clock, ticker, abort, types } = started({ kind: "every", everyMs: 5000 });
  clock.advance(4999);
  assertEquals(types(), []);
  clock.advance(1);
  assertEquals(types(), ["job.started"]);
  clock.advance(5000);
  assertEquals(types(), ["job.started", "job.skipped"]);
  const stopped = ticker.stop();
  abort.abort();
  await stopped;
  assertEquals(types().at(-1), "job.ended");
  assertEquals(ticker.running, 0);
});

Deno.test("between two times the ticker waits with one timer", () => {
  const { clock } = started(cron("-1 -1 -1 -1 -1"));
  assertEquals(clock.pending, 1);
});
