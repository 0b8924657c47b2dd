import type { Event } from "../../src/report/event.ts";
import { eventText, jsonLogLine, logLine } from "../../src/report/log.ts";
import { assertEquals, assertMatch } from "../support/assert.ts";

const task = "uwsgi_spoolfile_on_web1_12_3_99_1795420655_123500";

Deno.test("a line is a time and what happened", () => {
  const line = logLine(() => new Date(2026, 10, 23, 9, 5, 3, 7).getTime());
  assertEquals(line({ type: "program.stopped" }), "2026-11-23 09:05:03.007 stopped");
});

Deno.test("a task is named by its function and the part of its name that differs", () => {
  assertEquals(
    eventText({
      type: "task.settled",
      spool: "mail",
      task,
      func: "send",
      fate: { kind: "done" },
      tookMs: 12.3,
      attempt: 1,
      waitMs: 0,
    }),
    "send web1_12_3_99_1795420655_123500 done (12 ms)",
  );
});

Deno.test("a task that is deferred says until when and why", () => {
  const text = eventText({
    type: "task.settled",
    spool: "mail",
    task,
    func: "",
    fate: { kind: "deferred", dueAt: 0, reason: "exit code 1" },
    tookMs: 1500,
    attempt: 1,
    waitMs: 0,
  });
  assertMatch(text, /^task web1\S+ deferred until \d{4}-\d\d-\d\d .+: exit code 1 \(1\.5 s\)$/);
});

Deno.test("without a handler the log says what that means", () => {
  assertEquals(
    eventText({ type: "handlers.loaded", names: [], catchAll: false }),
    "tasks: no handler, so every task waits",
  );
  assertEquals(
    eventText({ type: "handlers.loaded", names: [], catchAll: true }),
    "tasks: one handler for all",
  );
  assertEquals(
    eventText({ type: "handlers.loaded", names: ["a"], catchAll: true }),
    "tasks: a, and all others",
  );
});

Deno.test("a target that is down, still down and back is a line each", () => {
  const about = { spool: "out", target: "hub:3031" };
  assertEquals(
    eventText({ type: "target.down", ...about, reason: "it closed the connection", downMs: 0 }),
    "spool out: hub:3031 is down: it closed the connection; its tasks wait",
  );
  assertEquals(
    eventText({ type: "target.down", ...about, reason: "no answer for 30 s", downMs: 41_000 }),
    "spool out: hub:3031 is still down after 41.0 s: no answer for 30 s; its tasks wait",
  );
  assertEquals(
    eventText({ type: "target.up", ...about, failures: 7, downMs: 2500 }),
    "spool out: hub:3031 is back after 2.5 s (7 failed attempts)",
  );
});

Deno.test("a forward is opened with its targets", () => {
  const opened = (...targets: string[]) =>
    eventText({ type: "forward.opened", spool: "out", targets, policy: "failover" });
  assertEquals(opened("hub:1"), "spool out: forwarded to hub:1");
  assertEquals(opened("hub:1", "b:2"), "spool out: forwarded to hub:1, b:2 (failover)");
});

Deno.test("nothing in a line acts on a terminal, or breaks it in two", () => {
  const hostile = "a\x1b[31m\x9b31m\x7f\u202e\u2028\u2029\n\tb";
  const event = { type: "config.warning", message: hostile } as const;
  const text = logLine(() => 0)(event);
  assertMatch(text, / warning: a\\x1b\[31m\\x9b31m\\x7f\\u202e\\u2028\\u2029\\x0a\tb$/);
  const json = jsonLogLine(() => 0)(event);
  assertMatch(json, /^[\x20-\x7e]+$/);
  assertEquals(JSON.parse(json).message, hostile);
});

Deno.test("one is not several", () => {
  const one: readonly (readonly [Event, string])[] = [
    [
      { type: "tasks.repeated", count: 1, windowMs: 10_000 },
      "1 more delivery of accepted tasks within 10.0 s",
    ],
    [{ type: "job.resumed", job: "j", skipped: 1 }, "job j runs again after 1 skipped slot"],
    [
      { type: "job.flooded", job: "j", slot: 0, lines: 1 },
      "job j: 1 more line of output was not logged",
    ],
  ];
  for (const [event, text] of one) assertEquals(eventText(event), text);
  const several = { type: "job.flooded", job: "j", slot: 0, lines: 2 } as const;
  assertEquals(eventText(several), "job j: 2 more lines of output were not logged");
});
