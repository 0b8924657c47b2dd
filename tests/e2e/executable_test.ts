/** What is in the executable, and what is not. */

import { basename, join, resolve } from "@std/path";
import type { CompiledCode } from "../../src/platform/compiled_code.ts";
import { executable, spooler } from "../support/program.ts";
import { makeGate } from "../support/processes.ts";
import { tempDir } from "../support/temp.ts";
import { assert, assertEquals } from "../support/assert.ts";
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

/** What V8 has made of the compiled code of the pieces that were loaded. */
async function compiledCode(file: string) {
  const command = new Deno.Command(file, { args: ["--version", "--json"] });
  const { stdout } = await command.output();
  return JSON.parse(new TextDecoder().decode(stdout)).compiledCode as CompiledCode;
}

/** A copy with another of the flags that V8 gets. A child writes it: a file that is open for writing cannot be run. */
async function copyWithOtherFlag(path: string): Promise<void> {
  const script =
    'sed s/--heap-growing-percent=20/--heap-growing-percent=21/ "$1" >"$2" && chmod +x "$2"';
  const args = ["-c", script, "sh", executable ?? "", path];
  const { success } = await new Deno.Command("sh", { args, env: { LC_ALL: "C" } }).output();
  assert(success);
}

testWith("executable", "V8 takes all of the compiled code that is in the executable", async () => {
  const { accepted, refused } = await compiledCode(resolve(executable ?? ""));
  assertEquals([accepted > 0, refused], [true, 0]);
  // Of one with another flag none: the numbers are V8's.
  await using temp = await tempDir();
  const other = join(temp.path, "spooler");
  await copyWithOtherFlag(other);
  assertEquals(await compiledCode(other), { accepted: 0, refused: accepted });
});
