import { readArgs } from "../../src/cli/args.ts";
import { assertEquals } from "../support/assert.ts";

Deno.test("options with and without =, short ones, flags, and words in between", () => {
  const { options, flags, words } = readArgs(
    "next",
    ["a", "--ini", "x.ini", "-n", "5", "--json", "--job=b=c", "007"],
    ["ini", "n", "job"],
    ["json", "all"],
  );
  assertEquals(options, { ini: "x.ini", n: "5", job: "b=c" });
  assertEquals([...flags], ["json"]);
  assertEquals(words, ["a", "007"]);
});

Deno.test("a value may begin with a dash, and behind -- all are words", () => {
  const { options, words } = readArgs("push", ["--priority", "-1", "--", "--dir", "-"], [
    "priority",
    "dir",
  ]);
  assertEquals([options, words], [{ priority: "-1" }, ["--dir", "-"]]);
  assertEquals(readArgs("x", ["-", ""], []).words, ["-", ""]);
});
