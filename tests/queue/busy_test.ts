/** A task that another program has: it is left alone, and run when it is free. */

import { join } from "@std/path";
import { TASK_PREFIX } from "../../src/spool/layout.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { NEVER_POLLS, startDispatcher, succeeding } from "../support/dispatcher.ts";
import { platform } from "../support/platform.ts";
import { testWith } from "../support/require.ts";
import { holdTask, writeTask } from "../support/task_files.ts";
import { tempDir } from "../support/temp.ts";
import { until } from "../support/until.ts";

/** Counts how often a file is claimed. */
function countClaims(path: string): { readonly count: () => number; readonly end: () => void } {
  const { claims } = platform;
  let count = 0;
  const claim = claims.claim.bind(claims);
  claims.claim = (each, now) => {
    if (each === path) count++;
    return claim(each, now);
  };
  return { count: () => count, end: () => Reflect.deleteProperty(claims, "claim") };
}

testWith(
  "libc",
  "a task that others have is not tried without end, and runs when it is free",
  async () => {
    await using temp = await tempDir();
    const spool = join(temp.path, "spool");
    const name = `${TASK_PREFIX}held_1_1_1_1_0`;
    const path = await writeTask(spool, name, { a: "b" });
    const claims = countClaims(path);
    const ran: string[] = [];
    const holder = await holdTask(path);
    const dispatcher = await startDispatcher(
      spool,
      [succeeding(({ task }) => void ran.push(task.name))],
      NEVER_POLLS,
    );
    try {
      // While these come and go, the events of the held one are read, too.
      for (let i = 0; i < 50; i++) {
        await writeTask(spool, `${TASK_PREFIX}free_1_${i}_1_1_0`, { a: "b" });
        await until(() => ran.length > i, `task ${i} has run`);
      }
      assert(claims.count() <= 2, `claimed ${claims.count()} times`);
      assert(!ran.includes(name));
    } finally {
      await holder[Symbol.asyncDispose]();
    }
    await until(() => ran.includes(name), "the task has run");
    assertEquals(ran.length, 51);
    await dispatcher.stop();
    claims.end();
  },
);
