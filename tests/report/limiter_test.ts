import { Limiter } from "../../src/report/limiter.ts";
import { assertEquals } from "../support/assert.ts";

Deno.test("in each window the first have a line, the others a number", () => {
  const limiter = new Limiter(2, 1000);
  assertEquals([0, 1, 2, 3].map((now) => limiter.admit(now)), [true, true, false, false]);
  assertEquals(limiter.take(999), 0);
  assertEquals([limiter.take(1000), limiter.take(1001)], [2, 0]);
  assertEquals([1002, 1003].map((now) => limiter.admit(now)), [true, true]);
  assertEquals(limiter.take(5000), 0);
});
