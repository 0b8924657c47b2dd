import fc from "fast-check";
import { backoffMs, type RetryPolicy } from "../../src/task/backoff.ts";
import { settle } from "../../src/queue/settle.ts";
import type { Outcome } from "../../src/task/outcome.ts";
import { assert, assertEquals } from "../support/assert.ts";

const policy: RetryPolicy = { delayMs: 1000, maxDelayMs: 60_000, maxRetries: 2 };
const middle = () => 0.5;

function fateOf(outcome: Outcome, failures = 0, with_: Partial<RetryPolicy> = {}) {
  return settle(outcome, {
    policy: { ...policy, ...with_ },
    frequencyMs: 30_000,
    failures,
    now: 1_000_000,
    random: middle,
  });
}

const failed: Outcome = { kind: "failed", reason: "exit code 1", stderr: "" };

Deno.test("backoff doubles up to its cap", () => {
  const waits = [1, 2, 3, 4, 5, 6, 7, 8].map((n) => backoffMs(n, policy, middle));
  assertEquals(waits, [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
});

Deno.test("without a delay a task is tried at once, however often it has failed", () => {
  const at = (failures: number) => backoffMs(failures, { ...policy, delayMs: 0 }, middle);
  assertEquals([1, 2, 1025, 1_000_000].map(at), [0, 0, 0, 0]);
});

Deno.test("jitter stays within a quarter of the nominal wait", () => {
  const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(fc.property(fc.integer({ min: 1, max: 5000 }), chance, (failures, random) => {
    const nominal = backoffMs(failures, policy, middle);
    const wait = backoffMs(failures, policy, () => random);
    assert(wait >= nominal * 0.75 && wait <= nominal * 1.25);
  }));
});

Deno.test("done is done, interrupted stays ready", () => {
  assertEquals(fateOf({ kind: "done" }).kind, "done");
  assertEquals(fateOf({ kind: "interrupted" }).kind, "ready");
});

Deno.test("a retry waits one spooler-frequency and is no failure", () => {
  assertEquals(fateOf({ kind: "retry", reason: "exit code 75" }, 50), {
    kind: "deferred",
    dueAt: 1_030_000,
    reason: "exit code 75",
    asked: true,
  });
});

Deno.test("spooler-max-retries counts the runs after the first", () => {
  assertEquals([0, 1, 2].map((failures) => fateOf(failed, failures).kind), [
    "deferred",
    "deferred",
    "failed",
  ]);
});

Deno.test("with spooler-max-retries 0 nothing is given up", () => {
  assertEquals(fateOf(failed, 1_000_000, { maxRetries: 0 }).kind, "deferred");
});

Deno.test("a permanent failure is not tried again", () => {
  const outcome: Outcome = { kind: "permanent", reason: "exit code 65", stderr: "" };
  assertEquals(fateOf(outcome), { kind: "failed", reason: "exit code 65" });
});

Deno.test("a task without a handler is never given up, and its file stays as it is", () => {
  const outcome: Outcome = { kind: "unhandled", reason: 'no handler for "x"' };
  assertEquals(fateOf(outcome, 40).kind, "postponed");
});

Deno.test("whatever came of a run, the task is in one state, and never forgotten but when it is done", () => {
  const reason = "r";
  const outcome = fc.constantFrom<Outcome>(
    { kind: "done" },
    { kind: "interrupted" },
    { kind: "retry", reason },
    { kind: "unavailable", reason },
    { kind: "unhandled", reason },
    { kind: "failed", reason, stderr: "" },
    { kind: "permanent", reason, stderr: "" },
  );
  const ms = fc.integer({ min: 0, max: 10_000_000 });
  const policies = fc.record({
    delayMs: ms,
    maxDelayMs: ms,
    maxRetries: fc.integer({ min: 0, max: 20 }),
  });
  const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  const failures = fc.integer({ min: 0, max: 5000 });
  fc.assert(fc.property(outcome, policies, failures, chance, (outcome, policy, failures, drawn) => {
    const now = 1_000_000;
    const context = { policy, frequencyMs: 30_000, failures, now, random: () => drawn };
    const fate = settle(outcome, context);
    assertEquals(fate.kind === "done", outcome.kind === "done");
    const isGivenUp = outcome.kind === "permanent" ||
      (outcome.kind === "failed" && policy.maxRetries > 0 && failures >= policy.maxRetries);
    assertEquals(fate.kind === "failed", isGivenUp);
    if (fate.kind === "deferred") {
      const longest = Math.max(context.frequencyMs, policy.maxDelayMs * 1.25);
      assert(fate.dueAt >= now && fate.dueAt <= now + longest, String(fate.dueAt - now));
    }
  }));
});
