/** The room of a journal, and the marks of what is done. */

import type { JournalPlace } from "../../src/spool/journal.ts";
import { HEAD_CELL, SHARED_CELLS } from "../../src/spool/journal.ts";
import { DONE_OFFSET, type JournalId } from "../../src/spool/journal_format.ts";
import { JournalReclaim } from "../../src/spool/journal_reclaim.ts";
import { assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";

const ID: JournalId = [1, 2];
const RING_BYTES = 64 * 1024;

Deno.test("behind a stop a mark is written at once: the descriptor is another file's before long", () => {
  const writes: number[] = [];
  const clock = new FakeClock();
  const reclaim = new JournalReclaim(
    {
      calls: {
        write(_fd, _bytes, offset) {
          writes.push(offset);
          return 0;
        },
        syncLater: () => Promise.resolve(true),
        syncFileSystemLater: () => Promise.resolve(true),
      },
      clock,
      warn: () => {},
    },
    () => {},
  );
  const shared = new SharedArrayBuffer(4 * SHARED_CELLS);
  new Int32Array(shared)[HEAD_CELL] = 64;
  const place: JournalPlace = { fd: 3, id: ID, ringBytes: RING_BYTES, head: 64, shared };
  const header = { id: ID, ringBytes: RING_BYTES, identity: "" };
  reclaim.add({ fd: 3, path: "journal", header }, place, { tail: 0, markAt: 0 });
  reclaim.done("first");
  assertEquals(writes, []);
  reclaim.stop();
  assertEquals(writes, [DONE_OFFSET]);
  reclaim.done("second");
  assertEquals(writes, [DONE_OFFSET, DONE_OFFSET + 8]);
  clock.advance(60_000);
  assertEquals(writes.length, 2);
});
