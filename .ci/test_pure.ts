/**
 * `deno task test:pure`: the tests that touch nothing of the machine, nor what they import. They run
 * without any permission, which proves it, and in seconds.
 */

import { dirname, join } from "@std/path";
import { root, testFiles } from "./test_files.ts";

/** Anything of Deno but the test itself, its errors and its platform; node:'s modules but computing ones. */
const TOUCHES_WORLD =
  /\bDeno\.(?!test\b|errors\b|build\b)|from "node:(?!util|crypto|assert)|\bsetTimeout\(|\bfetch\(/;

const known = new Map<string, boolean>();

function isPure(path: string, trail: readonly string[] = []): boolean {
  const before = known.get(path);
  if (before !== undefined) return before;
  const code = Deno.readTextFileSync(root + path).replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");
  const imports = [...code.matchAll(/(?:from|import) "(\.[^"]+)"/g)]
    .map(([, target]) => join(dirname(path), target ?? ""));
  const pure = !TOUCHES_WORLD.test(code) &&
    imports.every((each) => trail.includes(each) || isPure(each, [...trail, path]));
  known.set(path, pure);
  return pure;
}

const files = testFiles().filter((path) => isPure(path));
const { code } = await new Deno.Command(Deno.execPath(), {
  args: ["test", "--quiet", "--no-prompt", "--parallel", "--no-check", ...files],
  cwd: root,
  stdout: "inherit",
  stderr: "inherit",
}).output();
Deno.exit(code);
