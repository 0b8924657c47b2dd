import { LineSplitter, LONGEST_LINE, Tail } from "../../src/exec/lines.ts";
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
