import { LineWriter } from "../../src/report/writer.ts";
import { assertEquals } from "../support/assert.ts";

/** A writer over a place that takes `room` bytes until it is given more. */
function over(place: { room: number }) {
  const written: string[] = [];
  const soon: (() => void)[] = [];
  const writer = new LineWriter({
    write(bytes) {
      if (place.room === 0) throw new Error("no room");
      const count = Math.min(bytes.length, place.room);
      place.room -= count;
      written.push(new TextDecoder().decode(bytes.subarray(0, count)));
      return count;
    },
    soon: (action) => void soon.push(action),
  });
  return { writer, written, pass: () => soon.splice(0).forEach((action) => action()) };
}

Deno.test("lines of one moment go out together", () => {
  const { writer, written, pass } = over({ room: Infinity });
  writer.line("one");
  writer.line("two");
  assertEquals(written, []);
  pass();
  assertEquals(written, ["one\ntwo\n"]);
  writer.line("three");
  pass();
  assertEquals(written, ["one\ntwo\n", "three\n"]);
});

Deno.test("many lines do not wait for the moment to end", () => {
  const { writer, written } = over({ room: Infinity });
  for (let i = 0; i < 1000; i++) writer.line("x".repeat(99));
  assertEquals(written.length, 1);
});

Deno.test("what cannot be written now comes first later, and nothing in between is lost", () => {
  const place = { room: 6 };
  const { writer, written, pass } = over(place);
  writer.line("one");
  writer.line("two");
  pass();
  writer.line("three");
  pass();
  assertEquals(written.join(""), "one\ntw");
  place.room = Infinity;
  writer.line("four");
  pass();
  assertEquals(written.join(""), "one\ntwo\nthree\nfour\n");
});

Deno.test("a flush leaves nothing behind", () => {
  const { writer, written, pass } = over({ room: Infinity });
  writer.line("last words");
  writer.flush();
  pass();
  assertEquals(written.join(""), "last words\n");
});
