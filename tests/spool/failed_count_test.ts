/** The number of tasks in failed/ is kept, and counted anew from time to time. */

import { FailedCount } from "../../src/spool/failed_count.ts";
import { assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";

Deno.test("failed/ is not listed at every question", async () => {
  const clock = new FakeClock();
  let lists = 0;
  let names: string[][] = [["a", "b"], ["c"]];
  const count = new FailedCount(() => (lists++, names), clock);
  assertEquals(await Promise.all([count.read(), count.read()]), [3, 3]);
  names = [["a"]];
  assertEquals([await count.read(), lists], [3, 1]);
  clock.advance(1001);
  assertEquals([await count.read(), lists], [1, 2]);
});
