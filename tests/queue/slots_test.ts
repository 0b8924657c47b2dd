/** The slots of a spool: that of a command is free when it has ended, and what takes it starts at once. */

import { join } from "@std/path";
import type { Executor } from "../../src/exec/executor.ts";
import type { SpoolConfig } from "../../src/queue/settings.ts";
import type { Event } from "../../src/report/event.ts";
import { TASK_PREFIX } from "../../src/spool/layout.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { NEVER_POLLS, startDispatcher } from "../support/dispatcher.ts";
import { writeTask } from "../support/task_files.ts";
import { tempDir } from "../support/temp.ts";
import { until } from "../support/until.ts";

const NAMES = Array.from({ length: 12 }, (_, n) => `${TASK_PREFIX}slot_1_${10 + n}_1_1_0`);

/** What it runs has, or seems to have, a process of its own. */
class Runs {
  now = 0;
  most = 0;
  readonly ended: string[] = [];

  executor(processes: number | null, hasProcess = true): Executor {
    return {
      name: null,
      processes,
      run: async ({ task, started }) => {
        if (hasProcess) started?.(1);
        this.most = Math.max(this.most, ++this.now);
        await Deno.lstat("/");
        this.now--;
        this.ended.push(task.name);
        return { kind: "done" };
      },
    };
  }
}

/** Runs all of them, with whatever happens to them in order. */
async function runAll(executor: Executor, settings: Partial<SpoolConfig>): Promise<string[]> {
  await using temp = await tempDir();
  const spool = join(temp.path, "spool");
  for (const name of NAMES) await writeTask(spool, name, { a: "b" });
  const story: string[] = [];
  const emit = (event: Event) => {
    if (event.type !== "task.started" && event.type !== "task.settled") return;
    story.push(`${event.type.slice("task.".length)} ${NAMES.indexOf(event.task)}`);
  };
  const dispatcher = await startDispatcher(
    spool,
    [executor],
    { ...NEVER_POLLS, ...settings },
    emit,
  );
  await until(() => story.length === 2 * NAMES.length, "all have run");
  await dispatcher.stop();
  assertEquals([...Deno.readDirSync(spool)].filter(({ isFile }) => isFile), []);
  return story;
}

Deno.test("what takes the slot of a command starts before the fate of that is written", async () => {
  const runs = new Runs();
  const story = await runAll(runs.executor(null), { processes: 1, ordered: true });
  assertEquals(runs.most, 1);
  assertEquals(runs.ended, NAMES);
  assertEquals(story.slice(0, 5), [
    "started 0",
    "started 1",
    "settled 0",
    "started 2",
    "settled 1",
  ]);
});

Deno.test("where no process has run a task, its fate is written first", async () => {
  const runs = new Runs();
  const story = await runAll(runs.executor(null, false), { processes: 1, ordered: true });
  assertEquals(story.slice(0, 4), ["started 0", "settled 0", "started 1", "settled 1"]);
});

for (const [processes, limit] of [[3, null], [4, 1], [4, 2], [1, 1]] as const) {
  const which = limit === null ? "any number" : `at most ${limit}`;
  Deno.test(`${processes} slots and a handler of ${which}: none is taken twice`, async () => {
    const runs = new Runs();
    await runAll(runs.executor(limit), { processes });
    assertEquals(runs.most, Math.min(processes, limit ?? Infinity));
    assertEquals(runs.ended.toSorted(), NAMES);
    assert(runs.now === 0);
  });
}
