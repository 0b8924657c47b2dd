import fc from "fast-check";
import { RateLimiter } from "../../src/queue/rate.ts";
import { assert, assertEquals } from "../support/assert.ts";

Deno.test("no span of time has more starts than it may, and no start waits without need", () => {
  const steps = fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 60 });
  fc.assert(fc.property(fc.integer({ min: 1, max: 5 }), steps, (count, pauses) => {
    const limiter = new RateLimiter({ count, perMs: 1000 });
    const starts: number[] = [];
    let now = 0;
    for (const pause of pauses) {
      now += pause;
      const wait = limiter.waitMs(now);
      const inSpan = starts.filter((at) => at > now - 1000).length;
      assertEquals(wait === 0, inSpan < count);
      now += wait;
      limiter.started(now);
      starts.push(now);
      assert(starts.filter((at) => at > now - 1000).length <= count);
    }
  }));
});
