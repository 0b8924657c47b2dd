/**
 * `deno task test:one PATTERN`: the test files whose path has PATTERN in it, or else the tests whose
 * name has it. Nothing else is loaded.
 */

import { root, testFiles } from "./test_files.ts";

const [pattern, ...more] = Deno.args;
if (pattern === undefined) {
  console.error("deno task test:one PATTERN: a part of a test file's path, or of a test's name");
  Deno.exit(2);
}
const files = testFiles();
const byPath = files.filter((path) => path.includes(pattern));
const byName = files.filter((path) => Deno.readTextFileSync(root + path).includes(pattern));
const chosen = byPath.length > 0 ? byPath : byName;
if (chosen.length === 0) {
  console.error(`no test file and no test has "${pattern}" in its name`);
  Deno.exit(1);
}
const filter = byPath.length > 0 ? [] : ["--filter", pattern];
const { code } = await new Deno.Command(Deno.execPath(), {
  args: ["test", "--quiet", "--allow-all", ...filter, ...more, ...chosen],
  cwd: root,
  stdout: "inherit",
  stderr: "inherit",
}).output();
Deno.exit(code);
