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
    const { health: down } = afterFailure(health, "away", 1000 * i, MIDDLE);
    waits.push(down.retryInMs);
    health = afterProbe(down);
  }
  assertEquals(waits, [50, 100, 200, 400, 600, 600, 600, 600]);
});

Deno.test("a peer that is back is looked for within a second, however long it was away", () => {
  fc.assert(fc.property(
    fc.nat(2000),
    fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    (failures, chance) => {
      const logged = { reason: "away", at: 0, quietMs: 500 };
      const trouble = { reason: "away", since: 0, failures, logged };
      const { health } = afterFailure({ kind: "trial", trouble }, "away", 1, () => chance);
      assert(health.retryInMs > 0 && health.retryInMs <= 750, `${health.retryInMs}`);
    },
  ));
});

Deno.test("a streak keeps its first time and its last reason until a task is accepted", () => {
  let { health }: { health: Health } = afterFailure(UNKNOWN, "first", 10, MIDDLE);
  ({ health } = afterFailure(afterProbe(health), "second", 2_000, MIDDLE));
  const after = (trouble: ReturnType<typeof troubleOf>) =>
    trouble && [trouble.reason, trouble.since, trouble.failures];
  assertEquals(after(troubleOf(health)), ["second", 10, 2]);
  assertEquals(after(troubleOf(afterProbe(health))), ["second", 10, 2]);
  assertEquals(troubleOf(UP), null);
  assertEquals(after(troubleOf(afterFailure(UP, "anew", 3_000, MIDDLE).health)), [
    "anew",
    3_000,
    1,
  ]);
});

Deno.test("a reason that changes is logged anew, one that stays is not", () => {
  let health: Health = UP;
  const logged = [
    "refused",
    "refused",
    ...Array<string>(9).fill("hangs up at pings"),
    "refused",
  ].filter((reason, second) => {
    const failure = afterFailure(health, reason, 1000 * second, MIDDLE);
    health = afterProbe(failure.health);
    return failure.isNews;
  });
  assertEquals(logged, ["refused", "hangs up at pings", "refused"]);
});

Deno.test("reasons that take turns are logged ever more rarely", () => {
  let health: Health = UP;
  let lines = 0;
  for (let second = 0; second < 86_400; second++) {
    const failure = afterFailure(health, second % 2 ? "odd" : "even", 1000 * second, MIDDLE);
    health = afterProbe(failure.health);
    if (failure.isNews) lines++;
  }
  assert(lines > 20 && lines < 200, `${lines} lines a day`);
});
