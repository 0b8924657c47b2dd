/** Tasks whose files have names that are awkward: spaces, newlines, bytes that are no UTF-8. */

import { join } from "@std/path";
import { failedName, isTaskName, TASK_PREFIX } from "../../src/spool/layout.ts";
import type { Executor } from "../../src/exec/executor.ts";
import { systemClock } from "../../src/platform/clock.ts";
import { nameFromBytes } from "../../src/platform/name.ts";
import type { Event } from "../../src/report/event.ts";
import { eventText, logLine } from "../../src/report/log.ts";
import { Inspector } from "../../src/spool/inspect.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { NEVER_POLLS, startDispatcher } from "../support/dispatcher.ts";
import { namesIn, platform, renameBytes } from "../support/platform.ts";
import { testWith } from "../support/require.ts";
import { openStore, varsOf } from "../support/store.ts";
import { tempDir } from "../support/temp.ts";
import { until } from "../support/until.ts";

const NO_TEXT = nameFromBytes(Uint8Array.of(0x61, 0xff, 0xfe, 0x2e, 0x80));
const AWKWARD: readonly (readonly [string, string, string])[] = [
  ["spaces", "a b  c ", "a b  c "],
  ["a newline and an escape", "a\nb\x1b[2J", "a\\x0ab\\x1b[2J"],
  ["bytes that are no UTF-8", NO_TEXT, "a\\xff\\xfe.\\x80"],
  ["the ending of a record", "a.json", "a.json"],
];

/** Puts a task under a name that no store would make. */
async function putAs(dir: string, name: string, priority: string | null): Promise<void> {
  await using temp = await tempDir();
  const store = await openStore(join(temp.path, "spool"));
  const ref = await store.put({ vars: varsOf({ ud_spool_func: "x" }) });
  const sub = join(dir, priority ?? "");
  await Deno.mkdir(sub, { recursive: true });
  renameBytes(store.pathOf(ref), join(sub, name));
}

for (const [what, rest, shown] of AWKWARD) {
  for (const priority of [null, "5"]) {
    const where = priority === null ? "" : ", with a priority";
    testWith("libc", `a name with ${what} is a task like any other${where}`, async () => {
      await using temp = await tempDir();
      const { path: dir } = temp;
      const name = TASK_PREFIX + rest;
      const runs: string[] = [];
      const events: Event[] = [];
      // It fails, is deferred, is given up, is retried by hand, and succeeds.
      const executor: Executor = {
        name: null,
        processes: null,
        run: ({ task }) => {
          runs.push(task.name);
          return Promise.resolve(
            runs.length < 3 ? { kind: "failed", reason: "no", stderr: "" } : { kind: "done" },
          );
        },
      };
      const dispatcher = await startDispatcher(
        dir,
        [executor],
        { ...NEVER_POLLS, retry: { delayMs: 1, maxDelayMs: 1, maxRetries: 1 } },
        (event) => events.push(event),
      );
      const fates = () =>
        events.flatMap((event) => event.type === "task.settled" ? [event.fate.kind] : []);
      try {
        await putAs(dir, name, priority);
        await until(() => fates().length === 2, "it is not given up");
        assertEquals(fates(), ["deferred", "failed"]);

        const inspector = new Inspector({ dir, clock: systemClock, ...platform });
        const listed = [...inspector.list()].flat();
        // No task in failed/ has the name of a record.
        const kept = failedName(name, 1);
        assertEquals(kept === name, !name.endsWith(".json"));
        assertEquals(listed, [{ name: kept, priority, place: "failed" }]);
        const state = listed[0] && inspector.inspect(listed[0])?.state;
        assert(state?.kind === "failed");
        assertEquals(state.record?.attempts?.failures, 2);

        const store = await openStore(dir);
        assertEquals(await store.retryFailed({ name: kept, priority }), {
          kind: "changed",
          was: "failed",
        });
        await until(() => fates().length === 3, "it does not run again");
        assertEquals(runs, [name, name, kept]);
      } finally {
        await dispatcher.stop();
      }
      for (const sub of ["", "failed", ".spooler/attempts", ".spooler/running", ".spooler/tmp"]) {
        for (const path of [sub, join(sub, "5")]) assertEquals(leftIn(join(dir, path)), [], path);
      }
      const lines = events.map(logLine(() => 0));
      // What was given up may have got another ending.
      const isShown = (line: string) =>
        line.includes(` ${shown} `) || line.includes(` ${shown}.1 `);
      assert(lines.every(isShown), lines.join("\n"));
      assert(events.every((event) => eventText(event).length > 0));
    });
  }
}

function leftIn(dir: string): string[] {
  return namesIn(dir)
    .filter((name) => isTaskName(name) || name.startsWith("program_"));
}
