/** Functions of a library that are opened when they are asked for. */

import { openSymbols } from "../../src/platform/symbols.ts";
import { assertEquals, assertThrows } from "../support/assert.ts";
import { testWith } from "../support/require.ts";

const WANTED = {
  abs: { parameters: ["i32"], result: "i32" },
  labs: { parameters: ["i64"], result: "i64" },
  __errno_location: { parameters: [], result: "pointer" },
} as const;

// In the executable; what is opened stays open.
const symbols = Deno.build.os === "linux" ? openSymbols("libc.so.6", WANTED, true) : null;
const isOpen = (name: string) => Object.getOwnPropertyDescriptor(symbols, name)?.get === undefined;
const before = ["abs", "labs", "__errno_location"].map(isOpen);
const result = symbols?.abs(-3);

testWith("libc", "a function is opened when it is called, but for the place of errno", () => {
  assertEquals(before, [false, false, true]);
  assertEquals([result, isOpen("abs"), isOpen("labs")], [3, true, false]);
  assertThrows(() => openSymbols("there-is-no-such-library.so", WANTED, true), Error);
  return Promise.resolve();
});
