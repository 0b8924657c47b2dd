/** What is in the executable, and what is not. */

import { executable } from "../support/program.ts";
import { assertEquals } from "../support/assert.ts";
import { testWith } from "../support/require.ts";

/** Words of npm packages that only tests need, or nobody; the first is of fast-check's sources. */
const LEFT_OUT = ["PreconditionFailure", "front_matter", "media_types", "wasm_bg"];

testWith("executable", "the executable has no package that only tests need", async () => {
  const bytes = await Deno.readFile(executable ?? "");
  const text = new TextDecoder("latin1").decode(bytes);
  assertEquals(LEFT_OUT.filter((name) => text.includes(name)), []);
});
