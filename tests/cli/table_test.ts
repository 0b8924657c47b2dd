import { stateColour } from "../../src/cli/look.ts";
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

const WIDE = { width: 30, hasColours: false };

Deno.test("on a terminal the widest columns are cut, names at their beginning", () => {
  const table = new Table(["STATE", { heading: "NAME", cut: "start" }, "ERROR"], WIDE);
  const lines = table.lines([["ready", "web1_29218_554000", "漢字漢字漢字漢字"], [
    "failed",
    "x",
    "",
  ]]);
  assertEquals(lines, [
    "STATE   NAME        ERROR",
    "ready   …18_554000  漢字漢字…",
    "failed  x",
  ]);
  assertEquals(lines.every((line) => unicodeWidth(line) <= 30), true);
  // Later rows are cut as well, and where nothing fits nothing is lost but the text.
  assertEquals(table.lines([["deferred", "y".repeat(40), "z"]]), ["defer…  …yyyyyyyyy  z"]);
  assertEquals(new Table(["A", "B"], { width: 3, hasColours: false }).lines([["a", "b"]]), [
    "A  B",
    "a  b",
  ]);
});

Deno.test("colours are around the text and not around what fills a column", () => {
  const columns = [{ heading: "STATE", colour: stateColour }, "NAME"];
  const table = new Table(columns, { width: null, hasColours: true });
  assertEquals(table.lines([["ready", "a"], ["failed", "b"], ["odd", "c"]]), [
    "\x1b[1mSTATE\x1b[0m   \x1b[1mNAME\x1b[0m",
    "\x1b[36mready\x1b[0m   a",
    "\x1b[31mfailed\x1b[0m  b",
    "odd     c",
  ]);
});
