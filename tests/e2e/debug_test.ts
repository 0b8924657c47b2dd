/** `spooler-debug`: what the program decides, as lines of the log. */

import { join } from "@std/path";
import { DEBUG_PARTS } from "../../src/report/debug.ts";
import { parseDebug } from "../../src/config/debug.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";
import { programLabel, spooler } from "../support/program.ts";
import { testWith } from "../support/require.ts";
import { makeSite } from "../support/site.ts";

Deno.test("spooler-debug is all parts, none, or those that are named", () => {
  assertEquals(parseDebug("true"), DEBUG_PARTS);
  assertEquals(parseDebug(""), DEBUG_PARTS);
  assertEquals(parseDebug("off"), []);
  assertEquals(parseDebug("tasks, pool"), ["tasks", "pool"]);
  assertThrows(() => parseDebug("tasks pools"), SyntaxError, "some of tasks, scan");
});

testWith(
  "libc",
  `${programLabel}: spooler-debug logs each change of a task with its cause, and what the parts decide`,
  async () => {
    await using site = await makeSite("spooler-import = tasks.mjs", "spooler-debug = true");
    await Deno.writeTextFile(join(site.dir, "tasks.mjs"), "export const quick = () => {};");
    await using program = await site.start();
    await program.line(/tasks\.mjs loaded/);
    const { stdout } = await spooler(["push", "--dir", site.spool, "ud_spool_func=quick"]);
    const name = stdout.trim().replace(/^.*\//, "");
    await program.line(/quick \S+ done/);
    assertEquals(await program.stop(), 0);
    const lines = program.log.split("\n");
    const changes = lines.flatMap((line) => {
      const [, text] = new RegExp(`debug: tasks: ${name}: (.*)$`).exec(line) ?? [];
      // The kernel may report the end of its writing late.
      return text === undefined || text.endsWith("(touched)") ? [] : [text];
    });
    assertEquals(changes, [
      "unknown → ready (seen)",
      "ready → handed (handed)",
      "handed → unknown (gone)",
    ]);
    const has = (text: RegExp) => assert(lines.some((line) => text.test(line)), String(text));
    has(/debug: scan: begins; 0 tasks known, 0 ready$/);
    has(/debug: scan: ends after \d+ ms: 0 tasks checked, 0 known$/);
    has(new RegExp(`debug: watcher: task ${name}$`));
    has(/debug: pool: worker 1 \(pid \d+\) started, 1 of 1$/);
    has(/debug: pool: worker 1 \(pid \d+\) gets 1 task, /);
    has(/debug: pool: worker 1 \(pid \d+\) ended: /);
  },
);

Deno.test(`${programLabel}: spooler-debug = scan says nothing of tasks`, async () => {
  await using site = await makeSite("spooler-task = :", "spooler-debug = scan");
  await using program = await site.start();
  await spooler(["push", "--dir", site.spool, "ud_spool_func=x"]);
  await program.line(/ x \S+ done/);
  assertEquals(await program.stop(), 0);
  assert(/debug: scan: begins/.test(program.log));
  assert(!/debug: (?!scan)/.test(program.log));
});
