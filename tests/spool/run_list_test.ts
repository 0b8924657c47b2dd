import fc from "fast-check";
import { ListReader, ListWriter, RECORD_SIZE } from "../../src/spool/run_list.ts";
import { assertEquals } from "../support/assert.ts";

/** A file of records, and what is in it. */
class Lists {
  readonly #bytes = new Uint8Array(64 * RECORD_SIZE);
  readonly #writer = new ListWriter();

  /** Returns the length. */
  write(record: number, names: readonly string[]): number {
    const list = this.#writer.list(names);
    this.#bytes.set(list, record * RECORD_SIZE);
    return list.length;
  }

  blank(record: number, length: number): void {
    this.#bytes.set(this.#writer.blank(length), record * RECORD_SIZE);
  }

  read(): string[] {
    const reader = new ListReader();
    for (let at = 0; at < this.#bytes.length; at += RECORD_SIZE) {
      reader.push(this.#bytes.subarray(at, at + RECORD_SIZE));
    }
    return reader.names;
  }
}

Deno.test("lists of one and of many are read as they were written", () => {
  const lists = new Lists();
  const many = Array.from({ length: 300 }, (_, i) => `7/uwsgi_spoolfile_on_host_${i}`);
  lists.write(1, ["alone"]);
  lists.write(10, many);
  lists.write(40, ["uwsgi_spoolfile_on_\udcff", "ä"]);
  assertEquals(lists.read(), ["alone", ...many, "uwsgi_spoolfile_on_\udcff", "ä"]);
});

Deno.test("what was there before is not read", () => {
  const lists = new Lists();
  const length = lists.write(3, Array.from({ length: 300 }, (_, i) => `a long name ${i}`));
  lists.blank(3, length);
  assertEquals(lists.read(), []);
  lists.write(0, ["a name that is longer than the next one"]);
  lists.write(0, ["short"]);
  assertEquals(lists.read(), ["short"]);
  lists.blank(0, 1);
  assertEquals(lists.read(), []);
});

Deno.test("names that end with a record, begin with one, or cross from one to the next", () => {
  const lengths = fc.array(fc.integer({ min: 1, max: 511 }), { minLength: 1, maxLength: 60 });
  fc.assert(fc.property(lengths, (lengths) => {
    const lists = new Lists();
    const names = lengths.map((length, i) => `${i % 10}`.repeat(length));
    lists.write(0, names);
    lists.write(60, ["behind"]);
    assertEquals(lists.read(), [...names, "behind"]);
  }));
  const lists = new Lists();
  lists.write(0, ["a".repeat(RECORD_SIZE - 1)]);
  lists.write(2, ["b".repeat(RECORD_SIZE - 1), "c"]);
  assertEquals(lists.read().map((name) => name.length), [RECORD_SIZE - 1, RECORD_SIZE - 1, 1]);
});
