import { ProtocolError } from "../../src/worker/frame.ts";
import { readMessage } from "../../src/worker/message.ts";
import { type TimerWish } from "../../src/worker/registered.ts";
import { assertEquals, assertThrows } from "../support/assert.ts";

Deno.test("answers are read with and without details", () => {
  assertEquals(
    readMessage({
      type: "answers",
      answers: [["10/a", "done", "f", [1.5, 2, 0.5]], ["b", "failed", "g", 2, {
        reason: "r",
        stderr: "s",
      }]],
    }),
    {
      type: "answers",
      answers: [
        {
          task: "10/a",
          kind: "done",
          func: "f",
          tookMs: 1.5,
          reason: "",
          stderr: "",
          nextTookMs: [2, 0.5],
        },
        {
          task: "b",
          kind: "failed",
          func: "g",
          tookMs: 2,
          reason: "r",
          stderr: "s",
          nextTookMs: [],
        },
      ],
    },
  );
});

Deno.test("what a module registered is read", () => {
  const timers: TimerWish[] = [
    { kind: "timer", signal: 1, seconds: 0.5 },
    { kind: "rbtimer", signal: 2, seconds: 5, iterations: 3 },
    { kind: "cron", signal: 3, minute: 0, hour: -1, day: -1, month: -1, weekday: -1 },
  ];
  const message = readMessage({
    type: "loaded",
    functions: ["a"],
    catchAll: false,
    origins: { a: "tasks.py:3" },
    signals: [1, 2, 3],
    handlers: { "1": "beat" },
    timers,
  });
  assertEquals(message, {
    type: "loaded",
    functions: ["a"],
    catchAll: false,
    origins: { a: "tasks.py:3" },
    registered: { signals: [1, 2, 3], handlers: { "1": "beat" }, timers },
    files: [],
  });
});

Deno.test("a message with something amiss says what", () => {
  const cases: [unknown, string][] = [
    [null, "expected an object: null"],
    [{ type: "nonsense" }, 'unknown message type "nonsense"'],
    [{ type: "hello", pid: 1.5, language: "x" }, "pid of hello needs a whole number: 1.5"],
    [{ type: "answers", answers: [["a", "eaten"]] }, 'invalid answer ["a","eaten"]'],
    [{ type: "answers", answers: [["a", "done", "f", [1, "2"]]] }, 'a task took [1,"2"]'],
    [{ type: "registered", signals: [256], timers: [] }, "from 0 to 255: 256"],
    [
      { type: "registered", signals: [], timers: [{ kind: "sundial", signal: 1 }] },
      'unknown kind of timer "sundial"',
    ],
    [{ type: "output", stream: "stdout", lines: [1] }, "lines of output needs a list of texts"],
  ];
  for (const [head, pattern] of cases) {
    assertThrows(() => readMessage(head), ProtocolError, pattern);
  }
});
