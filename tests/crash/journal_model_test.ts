/**
 * The journal's ring, by a model of its file: whatever operation fails or is the last one, whichever
 * sectors a power cut leaves of what was not synced, every task that was synced can be read, with its
 * bytes, until it is reclaimed.
 */

import fc from "fast-check";
import { Journal, JournalError } from "../../src/spool/journal.ts";
import { ringOffsetOf, SECTOR } from "../../src/spool/journal_format.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { addTask, JournalDisk, liveIn, RING_BYTES } from "../support/journal_disk.ts";

const RUNS = Number(Deno.env.get("SPOOLER_CRASH_ROUNDS") ?? 3) * 50;

type Step =
  | { readonly kind: "add"; readonly size: number }
  | { readonly kind: "sync" | "reclaim" };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("add" as const), size: fc.nat(9000) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("add" as const), size: fc.nat(100) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("sync" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("reclaim" as const) }) },
);

const steps = fc.array(step, { minLength: 1, maxLength: 120 });

/** Bytes that say which task they are of, and that hold the beginnings of records of other journals. */
function bytesOf(n: number, size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => (n * 31 + i * 7) & 0xff);
}

class Writer {
  readonly added = new Map<string, Uint8Array>();
  readonly synced = new Set<string>();
  readonly everSynced = new Set<string>();
  #waiting: string[] = [];
  #count = 0;
  #journal: Journal;
  #place;

  constructor(private readonly disk: JournalDisk) {
    this.#place = disk.place();
    this.#journal = new Journal(disk, this.#place);
  }

  /** False when the journal is closed. */
  do(step: Step): boolean {
    switch (step.kind) {
      case "add": {
        const id = `uwsgi_spoolfile_on_${++this.#count}`;
        const bytes = bytesOf(this.#count, step.size);
        if (!addTask(this.#journal, id, bytes)) return !this.#journal.isClosed;
        this.added.set(id, bytes);
        this.#waiting.push(id);
        return true;
      }
      case "sync":
        try {
          this.#journal.sync();
        } catch (error) {
          assert(error instanceof JournalError);
          this.#waiting = [];
          return false;
        }
        for (const id of this.#waiting.splice(0)) {
          this.synced.add(id);
          this.everSynced.add(id);
        }
        return true;
      case "reclaim":
        // Their files are on disk now: nobody asks the journal about them again.
        this.disk.reclaim(this.#place, this.#journal.position);
        this.synced.clear();
        return true;
      default:
        return step satisfies never;
    }
  }

  check(image: Uint8Array<ArrayBuffer>): void {
    const live = liveIn(image);
    for (const id of this.synced) assert(live.has(id), `${id} was synced and is not there`);
    for (const { id, content, dueAt, acceptedLine } of live.values()) {
      assertEquals(content, this.added.get(id), id);
      assertEquals(dueAt, content.length);
      assertEquals(acceptedLine, content.length % 3 === 0 ? `+ ${id} .` : null);
    }
  }
}

Deno.test("a power cut at any moment, with any of its last sectors, leaves what was synced", () => {
  fc.assert(
    fc.property(steps, fc.infiniteStream(fc.boolean()), (all, survives) => {
      const disk = new JournalDisk();
      const writer = new Writer(disk);
      for (const each of all) {
        writer.do(each);
        writer.check(disk.cut(() => survives.next().value as boolean));
      }
    }),
    { numRuns: RUNS },
  );
});

Deno.test("whatever operation fails, the journal is closed, and keeps what was synced before", () => {
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 40 }), fc.boolean(), (all, failAt, survives) => {
      const disk = new JournalDisk(failAt);
      const writer = new Writer(disk);
      const isOpen = all.every((each) => writer.do(each));
      writer.check(disk.cut(() => survives));
      if (isOpen) return;
      // What failed may be refused: it is taken out of the journal again.
      const left = [...liveIn(disk.cached).keys()].filter((id) => !writer.everSynced.has(id));
      assertEquals(left, []);
      // For good: nothing is promised by it again.
      const before = new Set(writer.synced);
      writer.do({ kind: "add", size: 10 });
      writer.do({ kind: "sync" });
      assertEquals(writer.synced, before);
    }),
    { numRuns: RUNS },
  );
});

Deno.test("a flipped bit takes one record at most, and makes none", () => {
  fc.assert(
    fc.property(steps, fc.nat(), fc.nat(7), (all, where, bit) => {
      const disk = new JournalDisk();
      const writer = new Writer(disk);
      for (const each of all) writer.do(each);
      writer.do({ kind: "sync" });
      const image = disk.cut(() => true);
      const at = where % image.length;
      const before = liveIn(image);
      image[at] = (image[at] as number) ^ (1 << bit);
      const after = liveIn(image);
      for (const [id, { content }] of after) assertEquals(content, writer.added.get(id));
      const lost = [...before.keys()].filter((id) => !after.has(id));
      assert(lost.length <= 1, `lost: ${lost}`);
    }),
    { numRuns: RUNS },
  );
});

Deno.test("a full journal takes nothing until its room is reclaimed", () => {
  const disk = new JournalDisk();
  const place = disk.place();
  const journal = new Journal(disk, place);
  const fill = () => {
    let count = 0;
    while (addTask(journal, `uwsgi_spoolfile_on_${count}`, new Uint8Array(1000))) count++;
    return count;
  };
  const first = fill();
  assert(first > RING_BYTES / 1000 * 0.8, `it took ${first}`);
  journal.sync();
  assert(!addTask(journal, "uwsgi_spoolfile_on_more", new Uint8Array(1000)));
  journal.settle();
  disk.reclaim(place, journal.position);
  assert(fill() > first * 0.9);
  for (let lap = 0; lap < 100; lap++) {
    journal.sync();
    disk.reclaim(place, journal.position);
    assert(fill() > first * 0.9, `lap ${lap}`);
  }
});

Deno.test("a task that is too long for a journal is not taken", () => {
  const disk = new JournalDisk();
  const journal = new Journal(disk, disk.place());
  assert(!addTask(journal, "uwsgi_spoolfile_on_1", new Uint8Array(200_000)));
  assert(!journal.isClosed);
  assert(!journal.hasUnsynced);
});

Deno.test("a record in the bytes of a task is not read as one, whoever has seen the journal", () => {
  const disk = new JournalDisk();
  const journal = new Journal(disk, disk.place());
  assert(addTask(journal, "uwsgi_spoolfile_on_first", new Uint8Array(16)));
  journal.sync();
  // The first sector of the ring, with the record as it is, at every place of another task.
  const ring = ringOffsetOf(RING_BYTES);
  const sector = disk.cached.slice(ring, ring + SECTOR);
  for (let shift = 0; shift < 8; shift++) {
    const bytes = new Uint8Array(shift + 10 * SECTOR);
    for (let at = shift; at < bytes.length; at += SECTOR) bytes.set(sector, at);
    assert(addTask(journal, `uwsgi_spoolfile_on_${shift}`, bytes));
  }
  journal.sync();
  const image = disk.cut(() => true);
  assertEquals(liveIn(image).size, 9);
  // Not even when the record around them is damaged: they are of another place.
  for (const byte of [300, 600, 3000]) {
    const damaged = image.slice();
    const at = ring + SECTOR + byte;
    damaged[at] = (damaged[at] as number) ^ 1;
    assert(liveIn(damaged).size < 9);
    const ids = [...liveIn(damaged).keys()];
    assertEquals(ids.filter((id) => id === "uwsgi_spoolfile_on_first").length, 1);
  }
});
