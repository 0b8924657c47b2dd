/** The table of accepted ids against a Map. */

import fc from "fast-check";
import { contentHash, type HashedId, idHash, IdTable } from "../../src/spool/id_table.ts";
import { assert, assertEquals } from "../support/assert.ts";

/** Many that differ in one word, and some that are all zeros or all ones. */
const anyId = fc.oneof(
  fc.nat(300).map((n) => n.toString(16).padStart(32, "0")),
  fc.nat(300).map((n) => n.toString(16).padEnd(32, "0")),
  fc.nat(300).map((n) => idHash(String(n))),
  fc.constant("f".repeat(32)),
);
const anyKnown: fc.Arbitrary<HashedId> = fc.record({
  id: anyId,
  at: fc.integer({ min: 0, max: 2 ** 50 }),
  content: fc.option(fc.nat(3).map((n) => contentHash(String(n)))),
});

Deno.test("the table of ids knows what a Map knows", () => {
  const random = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });
  fc.assert(
    fc.property(
      random,
      fc.array(anyKnown, { maxLength: 400 }),
      fc.array(anyId),
      (seed, sets, asked) => {
        const table = new IdTable(seed);
        const model = new Map<string, HashedId>();
        for (const known of sets) {
          table.set(known);
          model.set(known.id, known);
          assertEquals(table.get(known.id), known);
        }
        assertEquals(table.size, model.size);
        for (const id of [...model.keys(), ...asked]) assertEquals(table.get(id), model.get(id));
        const sorted = (all: Iterable<HashedId>) => [...all].sort((a, b) => a.id < b.id ? -1 : 1);
        assertEquals(sorted(table), sorted(model.values()));
      },
    ),
    { numRuns: 200 },
  );
});

Deno.test("100,000 ids take less than 48 bytes each", () => {
  const COUNT = 100_000;
  const table = new IdTable(0.5);
  for (let n = 0; n < COUNT; n++) table.set({ id: idHash(String(n)), at: n, content: null });
  assertEquals(table.size, COUNT);
  assert(table.bytes / COUNT < 48, `${table.bytes / COUNT}`);
});
