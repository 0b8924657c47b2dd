import { normalised, play } from "../../.ci/transcript.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { commandLine, programLabel } from "../support/program.ts";
import { testWith } from "../support/require.ts";

/** The pages whose commands are run, and how many of them there are at least. */
const PAGES: readonly (readonly [page: string, commands: number])[] = [
  ["docs/tour.md", 30],
  ["README.md", 5],
];

for (const [page, commands] of PAGES) {
  testWith("executable", `${programLabel}: ${page} shows what its commands print`, async () => {
    const text = await Deno.readTextFile(new URL(`../../${page}`, import.meta.url));
    const [file, args] = commandLine([]);
    const { steps } = await play(text, [file, ...args]);
    assert(steps.length >= commands, `${page} has ${steps.length} commands`);
    for (const { step, output } of steps) {
      assertEquals(normalised(output), normalised(step.output), step.command);
    }
  });
}
