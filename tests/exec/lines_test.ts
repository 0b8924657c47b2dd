import fc from "fast-check";
import { LineSplitter, LONGEST_LINE, Tail } from "../../src/exec/lines.ts";
import { OutputBudget } from "../../src/report/output_budget.ts";
import { assertEquals } from "../support/assert.ts";

function split(...chunks: (string | number[])[]): string[] {
  const lines: string[] = [];
  const splitter = new LineSplitter((line) => lines.push(line));
  for (const chunk of chunks) {
    splitter.push(
      typeof chunk === "string" ? new TextEncoder().encode(chunk) : Uint8Array.from(chunk),
    );
  }
  splitter.close();
  return lines;
}

Deno.test("lines come out one by one, however they arrive", () => {
  assertEquals(split("a\nb", "c\n", "\nlast"), ["a", "bc", "", "last"]);
});

Deno.test("a character cut in two is put together", () => {
  assertEquals(split([0xc3], [0xb6, 10]), ["ö"]);
});

Deno.test("binary is made harmless", () => {
  assertEquals(split([27, 91, 51, 49, 109, 0, 0xff, 10]), ["\\x1b[31m\\x00\ufffd"]);
  assertEquals(split("dos\r\ntab\there\n"), ["dos", "tab\there"]);
});

Deno.test("a line without end costs no more than a long line", () => {
  const lines = split("x".repeat(3000), "x".repeat(3000), "x".repeat(3000) + "\nnext");
  assertEquals(lines, [`${"x".repeat(LONGEST_LINE)} …`, "next"]);
});

Deno.test("a tail keeps the end", () => {
  const tail = new Tail(5);
  tail.push(new TextEncoder().encode("abc"));
  tail.push(new TextEncoder().encode("defg"));
  assertEquals(tail.text(), "cdefg");
});

Deno.test("a flood is counted, line by line, whatever pieces it comes in", () => {
  fc.assert(fc.property(
    fc.array(fc.string({ unit: fc.constantFrom("a", "ö", "\n", "\n") })),
    fc.integer({ min: 0, max: 5 }),
    (chunks, burst) => {
      const rate = { linesPerSecond: burst, bytesPerSecond: 1e6, burstSeconds: 1 };
      const lines: string[] = [];
      let dropped = 0;
      const splitter = new LineSplitter((line) => lines.push(line), {
        budget: new OutputBudget(rate, 0),
        now: () => 0,
        dropped: (count) => dropped += count,
      });
      for (const byte of new TextEncoder().encode(chunks.join(""))) {
        splitter.push(Uint8Array.of(byte));
      }
      splitter.close();
      const all = split(...chunks);
      assertEquals([lines, dropped], [all.slice(0, burst), Math.max(0, all.length - burst)]);
    },
  ));
});

Deno.test("lines pass again when there is a budget again", () => {
  let now = 0;
  const heard: string[] = [];
  const splitter = new LineSplitter((line) => heard.push(line), {
    budget: new OutputBudget({ linesPerSecond: 2, bytesPerSecond: 1e6, burstSeconds: 1 }, 0),
    now: () => now,
    dropped: (count) => heard.push(`${count} dropped`),
  });
  const push = (text: string) => splitter.push(new TextEncoder().encode(text));
  push("a\nb\nc\nbeg");
  push("un\nd");
  now = 1000;
  push("e\nf\ng\n");
  splitter.close();
  assertEquals(heard, ["a", "b", "2 dropped", "de", "f", "1 dropped"]);
});

Deno.test("what does not pass is kept by who keeps more: all of it, or the end", () => {
  fc.assert(fc.property(
    fc.array(fc.string({ unit: fc.constantFrom("a", "ö", "\n", "0123456789") })),
    fc.integer({ min: 0, max: 5 }),
    fc.integer({ min: 1, max: 200 }),
    (chunks, burst, piece) => {
      const rate = { linesPerSecond: burst, bytesPerSecond: 1e6, burstSeconds: 1 };
      const kept: (string | null)[] = [];
      let dropped = 0;
      const splitter = new LineSplitter((line) => kept.push(line), {
        budget: new OutputBudget(rate, 0),
        now: () => 0,
        dropped: (count) => dropped += count,
        overflow: (lines, skipped) => {
          kept.push(...Array<null>(skipped).fill(null), ...lines);
        },
      });
      const bytes = new TextEncoder().encode(chunks.join(""));
      for (let at = 0; at < bytes.length; at += piece) {
        splitter.push(bytes.subarray(at, at + piece));
      }
      splitter.close();
      const all = split(...chunks);
      assertEquals(dropped, Math.max(0, all.length - burst));
      assertEquals(kept.length, all.length);
      for (const [at, line] of kept.entries()) assertEquals(line ?? all[at], all[at]);
      assertEquals(kept.at(-1), all.at(-1));
    },
  ));
});

Deno.test("of newlines alone so many are kept as their bytes are worth", () => {
  const kept: [lines: number, skipped: number][] = [];
  const splitter = new LineSplitter(() => {}, {
    budget: new OutputBudget({ linesPerSecond: 0, bytesPerSecond: 0, burstSeconds: 1 }, 0),
    now: () => 0,
    dropped: () => {},
    overflow: (lines, skipped) => kept.push([lines.length, skipped]),
  });
  splitter.push(new Uint8Array(65_536).fill(10));
  splitter.push(new TextEncoder().encode(`${"x".repeat(63)}\n`.repeat(1024)));
  assertEquals(kept, [[2048, 63_488], [1024, 0]]);
});
