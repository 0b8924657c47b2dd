/** What is kept of a task that went well makes the line that JSON would make of its entry. */

import fc from "fast-check";
import type { Event } from "../../src/report/event.ts";
import { type EndedRun, EndedRuns } from "../../src/history/ended_runs.ts";
import { entryLine } from "../../src/history/entry.ts";
import { TextBytes } from "../../src/history/text_bytes.ts";
import { assert, assertEquals } from "../support/assert.ts";

type Settled = Extract<Event, { type: "task.settled" }>;

const textOf = (pieces: Iterable<Uint8Array<ArrayBuffer>>) => {
  const decoder = new TextDecoder();
  return [...Iterator.from(pieces).map((piece) => decoder.decode(piece))].join("");
};

/** As the recorder makes it. */
const lineOf = ({ event, at }: EndedRun) => {
  assert(event.type === "task.settled");
  const { task: name, func, attempt, tookMs, waitMs } = event;
  return entryLine({
    ...{ name, func, attempt, startedAt: Math.round(at - tookMs) },
    ...{ tookMs: Math.round(tookMs * 10) / 10 },
    waitMs: waitMs === null ? null : Math.round(waitMs),
    ...{ fate: "done", dueAt: null, reason: null, output: null },
  });
};

const text = fc.oneof(
  fc.string(),
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.constantFrom('"\\\n\x1b\u2028', "\ud800", "a\nb", "~", "\x7f", "é".repeat(300)),
);
const time = fc.oneof(
  fc.double({ noNaN: true }),
  fc.double({ min: 0, max: 1e4, noNaN: true }),
  fc.integer({ min: 0, max: 2e12 }),
  fc.constantFrom(0, -0, 0.04, 0.05, 999_999, 1e6, 1e12, 1e16),
);
/** Few values, so that a task often has those of the one before. */
const near = fc.record({
  task: text,
  func: fc.constantFrom("f", "g", 'a"b'),
  attempt: fc.integer({ min: 1, max: 2 }),
  at: fc.constantFrom(1000, 1000.2, 1001),
  tookMs: fc.constantFrom(0, 0.04, 0.06, 1),
  waitMs: fc.constantFrom(null, 0, 0.4, 0.6),
});
const any = fc.record({
  ...{ task: text, func: text, attempt: fc.nat() },
  ...{ at: time, tookMs: time, waitMs: fc.option(time) },
});

Deno.test("a task that went well has the line that JSON has for its entry", () => {
  const runs = new EndedRuns();
  fc.assert(
    fc.property(fc.array(fc.oneof(near, any), { minLength: 1, maxLength: 8 }), (ends) => {
      for (const { at, ...about } of ends) {
        const fate = { kind: "done" } as const;
        const event: Settled = { type: "task.settled", spool: "s", fate, ...about };
        runs.add(event, at, null, 100);
      }
      const lines = textOf(runs.lines(0, runs.count, lineOf));
      runs.clear();
      const expected = ends.map(({ at, ...about }) => {
        const fate = { kind: "done" } as const;
        const event: Settled = { type: "task.settled", spool: "s", fate, ...about };
        return lineOf({ event, at, output: null });
      });
      assertEquals(lines, expected.join(""));
    }),
    { numRuns: 2000 },
  );
});

Deno.test("of more ends than there is room for the last are written, in their order", () => {
  // Of so many ends one is that of a task that failed.
  for (const every of [1, 2, 3, 500, Infinity]) {
    const end = (n: number): Settled => ({
      ...{ type: "task.settled", spool: "s", task: `t${n}`, func: "f", attempt: 1 },
      fate: n % every === 0 ? { kind: "failed", reason: "no" } : { kind: "done" },
      ...{ tookMs: 1, waitMs: n % 2 === 0 ? null : n },
    });
    const other = ({ event }: EndedRun) =>
      `${JSON.stringify({ name: "task" in event ? event.task : "" })}\n`;
    const sizes = [[1, 1], [1, 5], [7, 6], [7, 7], [7, 8], [7, 30], [1000, 9000], [9000, 12_000]];
    const runs = new EndedRuns();
    for (const [capacity = 1, ends = 0] of sizes) {
      for (let n = 0; n < ends; n++) runs.add(end(n), 1000 + n, null, capacity);
      const half = runs.count >> 1;
      const text = textOf(runs.lines(0, half, other)) +
        textOf(runs.lines(half, runs.count - half, other));
      const names = text.trimEnd().split("\n").map((line) => JSON.parse(line).name);
      const all = Array.from({ length: ends }, (_, n) => `t${n}`);
      assertEquals(names, all.slice(-capacity));
      runs.clear();
      assertEquals(runs.count, 0);
    }
  }
});

Deno.test("a line may be longer than a block", () => {
  const runs = new EndedRuns();
  const funcs = ["f", "g".repeat(70_000), "h", "i".repeat(65_000), "j"];
  for (const task of ["plain", "é"]) {
    for (const func of funcs) {
      const about = { task, func, attempt: 1, tookMs: 1, waitMs: 1 };
      const fate = { kind: "done" } as const;
      runs.add({ type: "task.settled", spool: "s", fate, ...about }, 1000, null, 100);
    }
  }
  const lines = textOf(runs.lines(0, runs.count, lineOf)).trimEnd().split("\n");
  const found = lines.map((line) => JSON.parse(line)).map(({ name, func }) => [name, func]);
  assertEquals(found, ["plain", "é"].flatMap((task) => funcs.map((func) => [task, func])));
});

Deno.test("texts of every length become their bytes", () => {
  const bytes = new TextBytes();
  const decoder = new TextDecoder();
  for (const length of [0, 1, 40_000, 43_690, 43_691, 70_000, 200_000]) {
    for (const letter of ["x", "é", "€"]) {
      const text = letter.repeat(length);
      assert(decoder.decode(bytes.of(text)) === text, `${length} of ${letter}`);
    }
  }
});
