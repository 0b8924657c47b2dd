/** The tasks of docs/development.md that are scripts of our own. */

import { assertEquals, assertMatch, assertStringIncludes } from "./support/assert.ts";

const root = new URL("../", import.meta.url).pathname;

async function testOne(...args: string[]) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-read", "--allow-run", ".ci/test_one.ts", ...args],
    cwd: root,
    env: { NO_COLOR: "1" },
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, output: text(stdout) + text(stderr) };
}

Deno.test("test:one runs a file by its path, a test by its name, and says when there is none", async () => {
  const absent = ["no such test", "has this"].join(" ");
  const byPath = await testOne("tests/cli/table_test.ts");
  const byName = await testOne("columns stand under each other");
  const none = await testOne(absent);
  assertMatch(byPath.output, /\bok \| [2-9] passed \| 0 failed/);
  assertStringIncludes(byName.output, "1 passed");
  assertEquals([byPath.code, byName.code, none.code], [0, 0, 1]);
  assertStringIncludes(none.output, `no test file and no test has "${absent}"`);
});

Deno.test("the development page names tasks that exist", async () => {
  const page = await Deno.readTextFile(`${root}docs/development.md`);
  const { tasks } = JSON.parse(await Deno.readTextFile(`${root}deno.json`)) as {
    tasks: Record<string, unknown>;
  };
  for (const [, task = ""] of page.matchAll(/\bdeno task ([\w:]+)/g)) {
    assertEquals(Object.hasOwn(tasks, task), true, task);
  }
});
