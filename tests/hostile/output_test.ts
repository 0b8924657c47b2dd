/** Tasks that print without end: they cost themselves their lines, others no time, and the log is bounded. */

import { join } from "@std/path";
import { assert, assertEquals } from "../support/assert.ts";
import { programLabel, spooler } from "../support/program.ts";
import { testWith } from "../support/require.ts";
import { makeSite } from "../support/site.ts";

const FLOODS = {
  "newlines of a command's stderr": "spooler-task = name=flood yes '' >&2",
  "newlines of a command's stdout": "spooler-task = name=flood yes ''",
  "lines of a TypeScript task": "spooler-import = tasks.ts",
};

const TASKS = `
export function flood() {
  while (true) console.log("");
}
`;

/** What another task may wait for: with a flood of lines it was 15 to 20 s. */
const PATIENCE_MS = 5_000;

for (const [what, line] of Object.entries(FLOODS)) {
  testWith("libc", `${programLabel}: ${what} delay nobody, and are counted`, async () => {
    await using site = await makeSite(
      ...["spooler-frequency = 1", "spooler-processes = 3", "spooler-harakiri = 6"],
      ...["spooler-task = name=quick echo quick", line],
    );
    await Deno.writeTextFile(join(site.dir, "tasks.ts"), TASKS);
    await using program = await site.start();
    const push = (func: string) => spooler(["push", "--dir", site.spool, `ud_spool_func=${func}`]);
    await push("flood");
    await program.line(/ flood[|!] $/);
    for (let count = 1; count <= 3; count++) {
      await push("quick");
      await program.line(/ quick \S+ done \(/, count, PATIENCE_MS);
    }
    await program.line(/ flood \S+ deferred until .*harakiri/);
    await program.line(/ flood \S+: \d+ more lines? of output (?:was|were) not logged$/);
    assertEquals(await program.stop(), 0);
    // A burst of 2,000 and then 200 a second.
    const lines = program.log.split("\n").filter((each) => / flood[|!] $/.test(each)).length;
    assert(lines >= 2_000 && lines < 10_000, `${lines} lines`);
  });
}
