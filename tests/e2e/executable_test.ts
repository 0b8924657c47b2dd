/** What is in the executable, and what is not. */

import { executable } from "../support/program.ts";
import { assertEquals } from "../support/assert.ts";
import { testWith } from "../support/require.ts";

/** Parts of npm packages that only tests need, or nobody. */
const LEFT_OUT = ["fast-check", "front_matter", "media_types", "wasm_bg"];

testWith("executable", "the executable has no package that only tests need", async () => {
  const bytes = await Deno.readFile(executable ?? "");
  const text = new TextDecoder("latin1").decode(bytes);
  assertEquals(LEFT_OUT.filter((name) => text.includes(name)), []);
});
