import fc from "fast-check";
import {
  afterFailure,
  afterProbe,
  type Health,
  troubleOf,
  UNKNOWN,
  UP,
} from "../../src/forward/health.ts";
import { assert, assertEquals } from "../support/assert.ts";

const MIDDLE = () => 0.5;

Deno.test("the waits between probes double up to 0.6 s", () => {
  let health: Health = UP;
  const waits: number[] = [];
  for (let i = 0; i < 8; i++) {
    const down = afterFailure(health, "away", 1000 * i, MIDDLE);
    waits.push(down.retryInMs);
    health = afterProbe(down);
  }
  assertEquals(waits, [50, 100, 200, 400, 600, 600, 600, 600]);
});

Deno.test("a peer that is back is found within a second, however long it was away", () => {
  fc.assert(fc.property(
    fc.nat(2000),
    fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    (failures, chance) => {
      const trouble = { reason: "away", since: 0, failures };
      const health = afterFailure({ kind: "trial", trouble }, "away", 1, () => chance);
      assert(health.retryInMs > 0 && health.retryInMs <= 750, `${health.retryInMs}`);
    },
  ));
});

Deno.test("a streak keeps its first time and its last reason until a task is accepted", () => {
  let health: Health = afterFailure(UNKNOWN, "first", 10, MIDDLE);
  health = afterFailure(afterProbe(health), "second", 20, MIDDLE);
  assertEquals(troubleOf(health), { reason: "second", since: 10, failures: 2 });
  assertEquals(troubleOf(afterProbe(health)), { reason: "second", since: 10, failures: 2 });
  assertEquals(troubleOf(UP), null);
  assertEquals(troubleOf(afterFailure(UP, "anew", 30, MIDDLE)), {
    reason: "anew",
    since: 30,
    failures: 1,
  });
});
