/** A machine that has too little memory, or another time. */

import { assert, assertEquals } from "../support/assert.ts";
import { FakeWallClock } from "../support/faketime.ts";
import { MemoryGroup } from "../support/memory_group.ts";
import { commandLine, executable, Program, programLabel } from "../support/program.ts";
import { testWith } from "../support/require.ts";
import { makeSite } from "../support/site.ts";
import { writeTask } from "../support/task_files.ts";

const MEMORY = 600 * 1024 * 1024;
const DAY_S = 86_400;

testWith(
  "cgroup",
  `${programLabel}: a task that takes all memory fails, and the program goes on`,
  async () => {
    using group = MemoryGroup.make(MEMORY);
    await using site = await makeSite(
      "spooler-max-retries = 1",
      "spooler-task = name=greedy tail /dev/zero",
      "spooler-task = name=good echo still here",
    );
    const [file, args] = commandLine(["--ini", site.ini]);
    await using program = Program.launch("sh", ["-c", group.shell, "sh", file, ...args]);
    await program.line(/ ready$/);
    for (const [index, func] of ["greedy", "good"].entries()) {
      const name = `uwsgi_spoolfile_on_test_1_${index}_1_1_0`;
      await writeTask(site.spool, name, { ud_spool_func: func });
    }
    await program.line(/ greedy \S+ deferred until .*(killed by SIGKILL|exit code 137)/);
    await program.line(/\| still here$/);
    assertEquals(await program.stop(), 0);
  },
);

testWith(
  "faketime",
  `${programLabel}: jobs go on when the clock is set by a day, and back`,
  async () => {
    await using site = await makeSite(
      "timer2 = every=200ms,name=tick true",
      "cron2 = minute=*,name=minutely echo $SPOOLER_SLOT",
      "spooler-task = echo ran",
    );
    const clock = new FakeWallClock(site.dir, "+0");
    await using program = await Program.start(["--ini", site.ini], {
      env: clock.env,
      ...(executable ? { file: executable } : {}),
    });
    const ticks = () => program.log.match(/job tick done/g)?.length ?? 0;
    const goesOn = async (number: number) => {
      await program.line(/job tick done/, ticks() + 3);
      await writeTask(site.spool, `uwsgi_spoolfile_on_test_1_${number}_1_1_0`, { a: "1" });
      await program.line(/\| ran$/, number);
    };
    await goesOn(1);
    clock.set("+1d");
    await program.line(new RegExp(`the wall clock was set ahead by ${DAY_S} s`));
    await goesOn(2);
    await program.line(/job minutely missed 14\d\d slots until/);
    clock.set("+0");
    await program.line(new RegExp(`the wall clock was set back by ${DAY_S} s`));
    await goesOn(3);
    clock.set("-1d");
    await program.line(new RegExp(`the wall clock was set back by ${DAY_S} s`), 2);
    await goesOn(4);
    clock.set("+0");
    await program.line(new RegExp(`the wall clock was set ahead by ${DAY_S} s`), 2);
    await goesOn(5);
    assertEquals(await program.stop(), 0);
    // A slot that the clock shows again is not run again.
    const slots = program.log.match(/(?<=minutely\| ).*$/gm) ?? [];
    assertEquals(slots.length, new Set(slots).size, String(slots));
    assert(!/unexpected|failed/.test(program.log), program.log);
  },
);
