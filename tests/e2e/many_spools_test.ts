/**
 * An ini with more spools than the runtime has threads for calls that block, which are 32: each is watched,
 * and everything else goes on beside them.
 */

import { join } from "@std/path";
import { assertEquals } from "../support/assert.ts";
import { ledgerLines } from "../support/ledger.ts";
import { programLabel } from "../support/program.ts";
import { testWith } from "../support/require.ts";
import { makeSite } from "../support/site.ts";
import { openUnsynced, varsOf } from "../support/store.ts";
import { until } from "../support/until.ts";

const SPOOLS = 34;

testWith(
  "libc",
  `${programLabel}: 34 spools: they run their tasks at once, over a reload`,
  async () => {
    const names = Array.from({ length: SPOOLS }, (_, number) => `spool${number}`);
    await using site = await makeSite(
      ...names.map((name) => `spooler = ${name}`),
      // No scan is to find what the watchers have missed.
      "spooler-frequency = 3600",
      "spooler-task = echo $SPOOL_IN >> ran",
      "timer2 = every=100ms,name=tick echo . >> ticks",
    );
    await using program = await site.start();
    const ran = join(site.dir, "ran");
    const asked = [...names.slice(0, 2), ...names.slice(-4)];
    const runInEach = async (round: number) => {
      for (const name of asked) {
        const store = await openUnsynced(join(site.dir, name));
        await store.put({ vars: varsOf({ in: `${name} ${round}` }) });
        store.close();
      }
      await until(
        () => ledgerLines(ran).length >= round * asked.length,
        `the tasks of round ${round}`,
      );
    };
    await runInEach(1);
    const ticks = () => ledgerLines(join(site.dir, "ticks")).length;
    const before = ticks();
    await until(() => ticks() > before, "the job");
    program.signal("SIGHUP");
    await program.line(/ ready$/, 2);
    await runInEach(2);
    assertEquals(new Set(ledgerLines(ran)).size, 2 * asked.length);
    assertEquals(await program.stop(), 0);
  },
);
