/** Tasks that wait for the same sync of a journal, or for the next. */

import { Journal, type JournalTask } from "../../src/spool/journal.ts";
import { JournalGroup } from "../../src/spool/journal_group.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { JournalDisk, liveIn } from "../support/journal_disk.ts";

/** Its syncs end when the test says so. */
class SlowDisk extends JournalDisk {
  readonly syncing: ((isSynced: boolean) => void)[] = [];

  override syncLater(): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.syncing.push(resolve);
    return promise;
  }
}

const taskOf = (id: string): JournalTask => ({
  id,
  dueAt: 0,
  parts: [new Uint8Array(100)],
  acceptedLine: null,
});

/** Lets everything happen that waits for nothing but promises. */
const settled = () => new Promise<void>((resolve) => setTimeout(resolve));

Deno.test("what comes during a sync of the journal that fails is not in it either", async () => {
  const disk = new SlowDisk();
  const group = new JournalGroup(new Journal(disk, disk.place()), () => {});
  const first = group.add(taskOf("first"));
  await settled();
  const second = group.add(taskOf("second"));
  await settled();
  assertEquals(disk.syncing.length, 1);
  disk.syncing[0]?.(false);
  assertEquals([await first, await second], [null, null]);
  assertEquals([...liveIn(disk.cached).keys()], []);
  assertEquals(await group.add(taskOf("third")), null);
});

Deno.test("what comes during a sync of the journal has one of its own", async () => {
  const disk = new SlowDisk();
  const group = new JournalGroup(new Journal(disk, disk.place()), () => {});
  const first = group.add(taskOf("first"));
  await settled();
  const second = group.add(taskOf("second"));
  disk.syncing[0]?.(true);
  assert(await first !== null);
  await settled();
  assertEquals(disk.syncing.length, 2);
  disk.syncing[1]?.(true);
  assert(await second !== null);
});
