/** What is in the executable, and what is not. */

import { basename, join } from "@std/path";
import { executable, spooler } from "../support/program.ts";
import { makeGate } from "../support/processes.ts";
import { tempDir } from "../support/temp.ts";
import { assertEquals } from "../support/assert.ts";
import { testWith } from "../support/require.ts";

/** Words of npm packages that only tests need, or nobody; the first is of fast-check's sources. */
const LEFT_OUT = [
  "PreconditionFailure",
  "front_matter",
  "media_types",
  "wasm_bg",
  "browserType.launch",
  "axe.utils",
];

testWith("executable", "the executable has no package that only tests need", async () => {
  const bytes = await Deno.readFile(executable ?? "");
  const text = new TextDecoder("latin1").decode(bytes);
  assertEquals(LEFT_OUT.filter((name) => text.includes(name)), []);
});

testWith(
  "executable",
  "the executable names no file outside of the sources: any checkout makes the same",
  async () => {
    const bytes = await Deno.readFile(executable ?? "");
    const text = new TextDecoder("latin1").decode(bytes);
    assertEquals([...new Set(text.match(/^\/\/ \.\.\/.*$/gm))], []);
  },
);

testWith("executable", "no code is taken from the directory for temporary files", async () => {
  await using temp = await tempDir();
  // Where Deno would keep compiled code, if it were let; who reads it waits for ever.
  const cache = join(temp.path, `deno-compile-${basename(executable ?? "")}.cache`);
  await makeGate(cache);
  const { code, stdout } = await spooler(["--version"], "", { TMPDIR: temp.path });
  assertEquals([code, stdout.startsWith("spooler ")], [0, true]);
});
