import fc from "fast-check";
import { progressLine } from "../../src/cli/progress_line.ts";
import { assert, assertEquals } from "../support/assert.ts";

Deno.test("a progress says how far, how fast and how long yet", () => {
  const text = progressLine({ done: 4500, total: 10_000, elapsedMs: 3000 }, 80);
  assertEquals(text, " 45 % [=============>                ] 4,500 of 10,000, 1,500/s, 3s left");
  assertEquals(
    progressLine({ done: 2, total: 2, elapsedMs: 1000 }, 30),
    "100 % 2 of 2, 2/s, 0s left",
  );
});

Deno.test("a progress never fills its line, whatever it has to say", () => {
  const number = fc.integer({ min: 0, max: 1e9 });
  fc.assert(fc.property(number, number, number, fc.integer({ min: 1, max: 300 }), (...args) => {
    const [done, total, elapsedMs, width] = args;
    assert(progressLine({ done, total, elapsedMs }, width).length < width);
  }));
});
