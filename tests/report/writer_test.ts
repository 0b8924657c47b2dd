import { LineWriter, MOST_KEPT } from "../../src/report/writer.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";

interface Place {
  room: number;
  /** What it fails with. */
  failure?: string | null;
}

/** A writer over a place that takes `room` bytes until it is given more. */
function over(place: Place) {
  const written: string[] = [];
  const clock = new FakeClock();
  const writer = new LineWriter({
    write(bytes) {
      if (place.failure) throw new Error(place.failure);
      const count = Math.min(bytes.length, place.room);
      place.room -= count;
      if (count > 0) written.push(new TextDecoder().decode(bytes.subarray(0, count)));
      return count;
    },
    clock,
    lostLine: ({ lines, forMs, reason }) => `lost ${lines} in ${forMs}: ${reason}`,
  });
  return { writer, written, pass: (ms = 0) => clock.advance(ms) };
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
  pass(100);
  assertEquals(written.join(""), "one\ntwo\nthree\n");
});

Deno.test("a flush leaves nothing behind, and says so", () => {
  const place = { room: Infinity };
  const { writer, written, pass } = over(place);
  writer.line("last words");
  assert(writer.flush());
  pass();
  assertEquals(written.join(""), "last words\n");
  place.room = 2;
  writer.line("more");
  assert(!writer.flush());
});

Deno.test("lines beyond the limit are lost, counted, and named when there is room", () => {
  const place: Place = { room: 0 };
  const { writer, written, pass } = over(place);
  const line = "x".repeat(1023);
  const kept = MOST_KEPT / 1024;
  for (let i = 0; i < kept + 5; i++) writer.line(line);
  pass(3000);
  writer.line("lost, too");
  place.room = Infinity;
  pass(100);
  writer.line("again");
  pass();
  const lines = written.join("").split("\n");
  assertEquals(lines.slice(0, kept), new Array(kept).fill(line));
  assertEquals(lines.slice(kept), ["lost 6 in 3100: null", "again", ""]);
});

Deno.test("a full disk is a reason, and the line it cut goes on when there is room", () => {
  const place: Place = { room: 3, failure: null };
  const { writer, written, pass } = over(place);
  writer.line("before");
  assert(!writer.flush());
  place.failure = "ENOSPC";
  for (let i = 0; i <= MOST_KEPT / 1024; i++) writer.line("x".repeat(1023));
  pass(1000);
  Object.assign(place, { room: Infinity, failure: null });
  pass(100);
  const lines = written.join("").split("\n");
  assertEquals([lines[0], lines.at(-2)], ["before", "lost 1 in 1100: ENOSPC"]);
});
