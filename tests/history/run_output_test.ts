import fc from "fast-check";
import { readHeader, readOutputLine, RunOutput } from "../../src/history/run_output.ts";
import { assert, assertEquals } from "../support/assert.ts";

const HEADER = { of: "t", func: "f", attempt: 1, since: 1, slot: null };

const linesOf = (text: string) => text.split("\n").flatMap((line) => readOutputLine(line) ?? []);
const bytesOf = (text: string) => new TextEncoder().encode(text).length;

Deno.test("a run that prints little is kept whole, in order, with times and streams", () => {
  const run = new RunOutput(HEADER, 10_000);
  run.add(1.4, "stdout", "one");
  run.add(2, "stderr", "zwölf\t☃");
  assertEquals(linesOf(run.text), [
    { number: 1, at: 1, stream: "stdout", text: "one" },
    { number: 2, at: 2, stream: "stderr", text: "zwölf\t☃" },
  ]);
  assertEquals([run.lines, run.bytes], [2, 4 + 11]);
});

Deno.test("of a flood the beginning and the end are kept, and never more than the limit", () => {
  fc.assert(fc.property(
    fc.array(fc.string({ unit: "grapheme", maxLength: 60 }), { maxLength: 200 }),
    fc.integer({ min: 1, max: 2000 }),
    (texts, most) => {
      const run = new RunOutput(HEADER, most);
      const clean = texts.map((text) => text.toWellFormed());
      for (const text of clean) run.add(0, "stdout", text);
      assertEquals(run.lines, clean.length);
      assertEquals(run.bytes, clean.reduce((sum, text) => sum + bytesOf(text) + 1, 0));
      assert(bytesOf(run.text) <= most);
      const kept = linesOf(run.text);
      for (const { number, text } of kept) assertEquals(text, clean[number - 1]);
      // There is one gap at most, and none when all of it fits.
      const gaps = kept.filter(({ number }, at) => number !== (kept[at - 1]?.number ?? 0) + 1);
      assert(gaps.length <= 1);
      const whole = new RunOutput(HEADER, Infinity);
      for (const text of clean) whole.add(0, "stdout", text);
      if (bytesOf(whole.text) <= most / 2) assertEquals(kept.length, clean.length);
    },
  ));
});

Deno.test("lines that nobody has are a gap in the numbers", () => {
  const run = new RunOutput(HEADER, 10_000);
  run.add(0, "stdout", "a");
  run.miss(3);
  run.add(0, "stdout", "b");
  assertEquals(linesOf(run.text).map(({ number, text }) => [number, text]), [[1, "a"], [5, "b"]]);
  assertEquals(run.lines, 5);
});

Deno.test("the file of what runs has what is kept, however it is written", () => {
  fc.assert(fc.property(
    fc.array(fc.array(fc.string({ maxLength: 40 }), { maxLength: 20 }), { maxLength: 20 }),
    (batches) => {
      const most = 1000;
      const run = new RunOutput(HEADER, most);
      let file = "";
      for (const batch of batches) {
        for (const text of batch) run.add(0, "stdout", text);
        const fresh = run.takeFresh();
        if (fresh !== null) file = fresh.replaces ? fresh.text : file + fresh.text;
        assert(bytesOf(file) <= 5 * most + 200);
      }
      if (file === "") return;
      const [header = "", ...lines] = file.split("\n");
      assertEquals(readHeader(header), HEADER);
      const numbers = new Set(lines.flatMap((line) => readOutputLine(line)?.number ?? []));
      for (const { number } of linesOf(run.text)) assert(numbers.has(number));
    },
  ));
});

Deno.test("without a limit to keep something in, lines and bytes are counted", () => {
  const run = new RunOutput(HEADER, 0);
  run.add(0, "stdout", "abc");
  assertEquals([run.lines, run.bytes, run.text], [1, 4, ""]);
});
