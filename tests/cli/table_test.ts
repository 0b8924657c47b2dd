import { Table } from "../../src/cli/table.ts";
import { unicodeWidth } from "@std/cli";
import { assertEquals } from "../support/assert.ts";

Deno.test("columns stand under each other by what a terminal shows, not by letters", () => {
  const table = new Table(["NAME", "X"]);
  assertEquals(table.lines([["漢字", "1"], ["é\u0301e", "2"], ["plain", "3"]]), [
    "NAME   X",
    "漢字   1",
    "é\u0301e     2",
    "plain  3",
  ]);
});

Deno.test("the width of a text on a terminal", () => {
  const texts = ["", "abc", "漢", "한", "😀", "e\u0301", "a\u200bb", "ﾊ", "\x1b", "\u202e"];
  assertEquals(texts.map(unicodeWidth), [0, 3, 2, 2, 2, 1, 2, 1, 0, 0]);
});
