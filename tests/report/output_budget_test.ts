import { OutputBudget } from "../../src/report/output_budget.ts";
import { assertEquals } from "../support/assert.ts";

const RATE = { linesPerSecond: 10, bytesPerSecond: 10_000, burstSeconds: 3 };

function taken(budget: OutputBudget, tries: number, bytes = 0): number {
  let count = 0;
  for (let i = 0; i < tries; i++) if (budget.take(bytes)) count++;
  return count;
}

Deno.test("a burst passes, then as much as the rate, a second's worth at a time", () => {
  const budget = new OutputBudget(RATE, 0);
  assertEquals(taken(budget, 100), 30);
  budget.refill(900);
  assertEquals(taken(budget, 100), 0);
  budget.refill(1000);
  assertEquals(taken(budget, 100), 10);
  budget.refill(60_000);
  assertEquals(taken(budget, 100), 30);
});

Deno.test("bytes count as well as lines", () => {
  const budget = new OutputBudget(RATE, 0);
  assertEquals(taken(budget, 100, 5_000), 6);
});
