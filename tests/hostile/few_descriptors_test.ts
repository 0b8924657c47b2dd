/** With few descriptors, and peers that hold every connection, tasks run all the same. */

import { join } from "@std/path";
import { assert, assertEquals } from "../support/assert.ts";
import { Program, programLabel, writeWrapper } from "../support/program.ts";
import { testWith } from "../support/require.ts";
import { makeSite, portIn } from "../support/site.ts";
import { writeTask } from "../support/task_files.ts";
import { until } from "../support/until.ts";

const FILES = 64;
const TASKS = 25;

testWith(
  "libc",
  `${programLabel}: with ${FILES} descriptors no task fails for want of one`,
  async () => {
    await using site = await makeSite(
      "spooler-task = cat > /dev/null",
      "spooler-processes = 2",
      "spooler-max-retries = 1",
      "spooler-retry-delay = 1",
      "spooler-frequency = 1",
      "socket = 127.0.0.1:0",
    );
    const wrapper = join(site.dir, "few.sh");
    await writeWrapper(wrapper, `ulimit -n ${FILES}\n`);
    await using program = await Program.start(["--ini", site.ini], { file: wrapper });
    const port = portIn(await program.line(/127\.0\.0\.1:\d+$/));
    const peers = await Promise.all(
      Array.from({ length: 2 * FILES }, () => Deno.connect({ hostname: "127.0.0.1", port })),
    );
    try {
      for (let i = 0; i < TASKS; i++) {
        await writeTask(site.spool, `uwsgi_spoolfile_on_test_1_${i}_1_1_0`, { ud_spool_func: "f" });
      }
      const done = () => program.log.match(/ f test_1_\d+_1_1_0 done /g)?.length ?? 0;
      await until(() => done() === TASKS, `${done()} of ${TASKS} are done`);
      assertEquals([...Deno.readDirSync(join(site.spool, "failed"))].length, 0);
      assert(!/deferred until/.test(program.log), program.log);
    } finally {
      for (const peer of peers) peer.close();
    }
    assertEquals(await program.stop(), 0);
  },
);
