/** What is written digit by digit is what JSON would have. */

import fc from "fast-check";
import type { Event } from "../../src/report/event.ts";
import { type EndedRun, EndedRuns } from "../../src/history/ended_runs.ts";
import { entryLine } from "../../src/history/entry.ts";
import { EntryBytes } from "../../src/history/entry_bytes.ts";
import { assertEquals } from "../support/assert.ts";

const text = fc.oneof(
  fc.string(),
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.constantFrom('"\\\n\x1b\u2028', "\ud800", "x".repeat(70_000), "é".repeat(70_000)),
);
const time = fc.oneof(
  fc.double({ noNaN: true }),
  fc.double({ min: 0, max: 1e4, noNaN: true }),
  fc.integer({ min: 0, max: 2e12 }),
  fc.constantFrom(0, -0, 0.04, 0.05, 999_999, 1e6, 999_999_999_999, 1e12, 1e15, 1e16),
);

Deno.test("an entry of a task that went well is the same as by JSON", () => {
  const bytes = new EntryBytes();
  fc.assert(
    fc.property(
      text,
      text,
      fc.nat(),
      time,
      time,
      fc.option(time),
      (name, func, attempt, ...times) => {
        const [at, tookMs, waitMs] = times;
        const written = () => new TextDecoder().decode(bytes.bytes);
        bytes.clear();
        bytes.addPlain(name, func, attempt, at, tookMs, waitMs);
        const line = entryLine({
          ...{ name, func, attempt, startedAt: Math.round(at - tookMs) },
          ...{ tookMs: Math.round(tookMs * 10) / 10 },
          waitMs: waitMs === null ? null : Math.round(waitMs),
          ...{ fate: "done", dueAt: null, reason: null, output: null },
        });
        assertEquals(written(), line);
        // Whatever has made it grow, the next one stands behind it.
        bytes.addPlain("a", "", 1, 2, 1, null);
        assertEquals(written().slice(line.length).slice(0, 10), '{"name":"a');
        bytes.release();
      },
    ),
    { numRuns: 2000 },
  );
});

Deno.test("of more ends than there is room for the last are written, in their order", () => {
  const end = (n: number): Extract<Event, { type: "task.settled" }> => ({
    ...{ type: "task.settled", spool: "s", task: `t${n}`, func: "f", attempt: 1 },
    fate: n % 3 === 0 ? { kind: "failed", reason: "no" } : { kind: "done" },
    ...{ tookMs: 1, waitMs: n % 2 === 0 ? null : n },
  });
  for (const [capacity, ends] of [[1, 1], [1, 5], [7, 6], [7, 7], [7, 8], [7, 30], [1000, 2600]]) {
    const runs = new EndedRuns();
    for (const _ of [1, 2]) {
      for (let n = 0; n < (ends ?? 0); n++) runs.add(end(n), 1000 + n, null, capacity ?? 1);
      const bytes = new EntryBytes();
      const names: string[] = [];
      const other = ({ event }: EndedRun) => void names.push("task" in event ? event.task : "");
      for (let nth = 0; nth < runs.count; nth++) {
        bytes.clear();
        runs.write(nth, bytes, other);
        if (bytes.length > 0) names.push(JSON.parse(new TextDecoder().decode(bytes.bytes)).name);
      }
      const all = Array.from({ length: ends ?? 0 }, (_, n) => `t${n}`);
      assertEquals(names, all.slice(-(capacity ?? 1)));
      runs.clear();
    }
  }
});
