/** Directories of priorities: made on disk, removed when they are of no more use, watched up to a number. */

import { join } from "@std/path";
import { systemClock } from "../../src/platform/clock.ts";
import { type SpoolChange, watchSpool } from "../../src/spool/watcher.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";
import { platform } from "../support/platform.ts";
import { testWith } from "../support/require.ts";
import { claimNow, openStore, seenNames } from "../support/store.ts";
import { tempDir } from "../support/temp.ts";
import { until } from "../support/until.ts";

const directories = (dir: string) =>
  [...Deno.readDirSync(dir)].map(({ name }) => name).filter((name) => /^\d+$/.test(name)).sort();

testWith(
  "libc",
  "the directory of a priority goes when it has been empty for a minute",
  async () => {
    await using temp = await tempDir();
    const clock = new FakeClock(Date.now());
    const store = await openStore(temp.path, clock);
    const refs = [
      await store.put({ vars: [], priority: 1 }),
      await store.put({ vars: [], priority: 2 }),
    ];
    const [first] = refs;
    assert(first);
    store.finish(claimNow(store, first));
    assertEquals(seenNames(store).length, 1);
    // Whoever made it may be about to use it.
    assertEquals(directories(temp.path), ["1", "2"]);
    clock.advance(120_000);
    assertEquals(seenNames(store).length, 1);
    assertEquals(directories(temp.path), ["2"]);
    // It comes again with the next task.
    await store.put({ vars: [], priority: 1 });
    assertEquals(directories(temp.path), ["1", "2"]);
    assertEquals(seenNames(store).length, 2);
    store.close();
  },
);

testWith("libc", "tasks put while their priority's directory is removed all arrive", async () => {
  await using temp = await tempDir();
  const store = await openStore(temp.path);
  let done = false;
  const removing = (async () => {
    while (!done) {
      try {
        await Deno.remove(join(temp.path, "7"));
      } catch {
        // It is in use, or not there.
      }
    }
  })();
  for (let n = 0; n < 50; n++) {
    const ref = await store.put({ vars: [], priority: 7 }).catch((error) => {
      // Between the second check and the rename, again: refused, and nothing of it stays.
      assert(error instanceof Deno.errors.NotFound, String(error));
      return null;
    });
    if (ref) store.finish(claimNow(store, ref));
  }
  done = true;
  await removing;
  assertEquals([...Deno.readDirSync(join(temp.path, ".spooler/tmp"))], []);
  store.close();
});

testWith(
  "libc",
  "of very many priorities a thousand are watched, and that is said once",
  async () => {
    await using temp = await tempDir();
    const changes: SpoolChange[] = [];
    const watcher = watchSpool({
      ...{ dir: temp.path, libc: platform.libc, clock: systemClock },
      absence: () => null,
      notify: (change) => changes.push(change),
    });
    for (let n = 0; n < 1100; n++) Deno.mkdirSync(join(temp.path, String(n)));
    const isSaid = () => changes.some(({ kind }) => kind === "unwatched");
    await until(isSaid, "it is not said");
    await until(() => changes.filter(({ kind }) => kind === "unknown").length >= 1100, "events");
    assertEquals(changes.filter(({ kind }) => kind === "unwatched").length, 1);
    await watcher.close();
  },
);
