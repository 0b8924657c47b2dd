import { BatchSize } from "../../src/worker/batch_size.ts";
import { assert, assertEquals } from "../support/assert.ts";

const after = (...tookMs: number[]) => {
  const batch = new BatchSize();
  for (const each of tookMs) batch.observe(each);
  return batch;
};
const times = (count: number, ms: number) => Array<number>(count).fill(ms);

Deno.test("one task at first, for nobody knows how long they take", () => {
  assertEquals(new BatchSize().size, 1);
});

Deno.test("as many as are done in 60 ms, and never more than 4,096", () => {
  assertEquals(after(...times(10, 1)).size, 60);
  assertEquals(after(...times(10, 5)).size, 12);
  assertEquals(after(...times(10, 100)).size, 1);
  assertEquals(after(...times(10, 0)).size, 4096);
});

Deno.test("a slow task makes batches small at once, quick ones make them large by and by", () => {
  const batch = after(...times(100, 0.05));
  batch.observe(1000);
  assertEquals(batch.size, 1);
  batch.observe(0.05);
  assertEquals(batch.size, 1);
  for (const ms of times(150, 0.05)) batch.observe(ms);
  assert(batch.size > 200, String(batch.size));
});

Deno.test("a few more are not worth a message as long as a worker has enough to do", () => {
  const batch = after(...times(10, 0.6));
  assertEquals(batch.size, 100);
  const worth = (count: number) => [100, 13, 12, 0].map((left) => batch.isWorth(count, left));
  assertEquals(worth(25), [true, true, true, true]);
  assertEquals(worth(24), [false, false, true, true]);
  assertEquals(worth(1), [false, false, true, true]);
  assert(new BatchSize().isWorth(1, 0));
});

Deno.test("a worker gets more when half of what it had is answered", () => {
  const batch = after(...times(10, 1));
  assertEquals([60, 31, 30, 0].map((unanswered) => batch.more(unanswered)), [0, 0, 30, 60]);
  assertEquals([0, 1].map((unanswered) => new BatchSize().more(unanswered)), [1, 0]);
});
