/** What is under way counts when a spool is about to be full. */

import { join } from "@std/path";
import { systemClock } from "../../src/platform/clock.ts";
import { Store } from "../../src/spool/store.ts";
import { assertEquals, assertStringIncludes } from "../support/assert.ts";
import { platform } from "../support/platform.ts";
import { varsOf } from "../support/store.ts";
import { tempDir } from "../support/temp.ts";

for (const fsync of [true, false]) {
  Deno.test(`of ten tasks at once, three fit where there is room for three; fsync ${fsync}`, async () => {
    await using temp = await tempDir();
    const dir = join(temp.path, "spool");
    const store = await Store.open({
      ...{ dir, fsync, clock: systemClock, random: Math.random, ...platform },
      limits: { maxFiles: 3, minFreeBytes: null },
    });
    using _closed = { [Symbol.dispose]: () => store.close() };
    const puts = Array.from(
      { length: 10 },
      (_, i) => store.put({ vars: varsOf({ i: String(i) }) }),
    );
    const ends = await Promise.allSettled(puts);
    assertEquals(ends.filter(({ status }) => status === "fulfilled").length, 3);
    for (const end of ends) {
      if (end.status === "rejected") {
        assertStringIncludes(String(end.reason), "it holds 3 tasks (spooler-max-files)");
      }
    }
    assertEquals([...store.scan()].flat().length, 3);
  });
}
