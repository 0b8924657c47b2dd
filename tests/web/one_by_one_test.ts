/** What takes long for a visitor of the dashboard, and how others wait for it. */

import { OneByOne } from "../../src/web/one_by_one.ts";
import { assertEquals, assertRejects } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";

/** Lets all that is due be done. */
const settled = () => new Promise((resolve) => setTimeout(resolve));

Deno.test("a list for one visitor follows the other at once", async () => {
  const clock = new FakeClock();
  const lists = new OneByOne(clock);
  const work = () => {
    clock.advance(300);
    return Promise.resolve(clock.monotonic());
  };
  const first = await lists.run(work);
  assertEquals(await lists.run(work) - first, 300);
});

Deno.test("while others wait, there is as much rest between two lists as they take", async () => {
  const clock = new FakeClock();
  const lists = new OneByOne(clock);
  const begun: string[] = [];
  const work = (name: string) => () => {
    begun.push(name);
    clock.advance(200);
    return Promise.resolve();
  };
  const both = [lists.run(work("first")), lists.run(work("second"))];
  await both[0];
  clock.advance(199);
  await settled();
  assertEquals(begun, ["first"]);
  clock.advance(1);
  await Promise.all(both);
  assertEquals(begun, ["first", "second"]);
});

Deno.test("the more wait, the longer the rest, up to four times what a list took", async () => {
  const clock = new FakeClock();
  const lists = new OneByOne(clock);
  const begunAt: number[] = [];
  const all = Array.from({ length: 7 }, () =>
    lists.run(() => {
      begunAt.push(clock.monotonic());
      clock.advance(10);
      return Promise.resolve();
    }));
  for (let ms = 0; ms < 300; ms++) {
    await settled();
    clock.advance(1);
  }
  await Promise.all(all);
  const between = begunAt.slice(1).map((at, n) => at - (begunAt[n] ?? 0));
  assertEquals(between.map((ms) => Math.round(ms / 10)), [5, 5, 5, 4, 3, 2]);
});

Deno.test("one that fails holds nobody up, and too many are refused", async () => {
  const lists = new OneByOne();
  const failing = Array.from(
    { length: 32 },
    () => lists.run(() => Promise.reject(new Error("no"))),
  );
  await assertRejects(() => lists.run(() => Promise.resolve()), Error, "too many lists");
  for (const each of failing) await assertRejects(() => each, Error, "no");
  assertEquals(await lists.run(() => Promise.resolve(1)), 1);
});
