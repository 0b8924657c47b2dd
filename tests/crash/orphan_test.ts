/** A command whose program was killed goes on; its task does not run beside it. */

import { join } from "@std/path";
import { assert, assertEquals } from "../support/assert.ts";
import { programLabel, spooler } from "../support/program.ts";
import { testWith } from "../support/require.ts";
import { makeSite } from "../support/site.ts";
import { writeTask } from "../support/task_files.ts";
import { until } from "../support/until.ts";

const NAME = "uwsgi_spoolfile_on_test_1_1_1_1_0";

const read = (path: string) => Deno.readTextFile(path).catch(() => "");

testWith(
  "libc",
  `${programLabel}: after a SIGKILL a task waits for the orphan that runs it`,
  async () => {
    // The first run waits for the file `go`.
    await using site = await makeSite(
      "spooler-task = echo begin >> told; until test -e go; do sleep 0.05; done; echo end >> told",
    );
    const told = join(site.dir, "told");
    await using first = await site.start();
    await writeTask(site.spool, NAME, { ud_spool_func: "f" });
    await until(async () => await read(told) === "begin\n", "it does not begin");
    await first.kill();
    await using second = await site.start();
    await second.line(/process \d+ still runs it for a spooler that died/);
    assertEquals(await read(told), "begin\n");
    await Deno.writeTextFile(join(site.dir, "go"), "");
    await second.line(/ f test_1_1_1_1_0 done/);
    assertEquals(await read(told), "begin\nend\nbegin\nend\n");
    assertEquals(await second.stop(), 0);
  },
);

testWith("libc", `${programLabel}: spooler kill ends an orphan`, async () => {
  await using site = await makeSite("spooler-task = sleep 1000 & echo $! > pid; wait");
  await using first = await site.start();
  await writeTask(site.spool, NAME, { ud_spool_func: "f" });
  await until(async () => /\d\n/.test(await read(join(site.dir, "pid"))), "no run");
  const pid = Number(await read(join(site.dir, "pid")));
  await first.kill();
  await using second = await site.start();
  await second.line(/process \d+ still runs it for a spooler that died/);
  const killed = await spooler(["kill", "test_1_1_1_1_0", "--ini", site.ini]);
  assertEquals([killed.code, killed.stdout], [0, "test_1_1_1_1_0: killed: failed\n"]);
  await until(async () => await read(`/proc/${pid}/stat`) === "", "the end of its group");
  await second.line(/killed by \S+, kept in failed\//);
  assertEquals(await second.stop(), 0);
});

testWith("libc", `${programLabel}: an orphan that takes longer than it may is ended`, async () => {
  await using site = await makeSite(
    "spooler-harakiri = 1",
    "spooler-task = if test -e once; then echo again; else touch once; sleep 1000; fi",
  );
  await using first = await site.start();
  await writeTask(site.spool, NAME, { ud_spool_func: "f" });
  await first.line(/started from spool/);
  await until(() => Deno.stat(join(site.dir, "once")).then(() => true, () => false), "no run");
  await first.kill();
  await using second = await site.start();
  await second.line(/killed process \d+: harakiri after 1 s/);
  await second.line(/ f test_1_1_1_1_0 done/);
  assert(/again/.test(second.log));
  assertEquals(await second.stop(), 0);
});

testWith("libc", `${programLabel}: an orphan has the harakiri of its own command`, async () => {
  await using site = await makeSite(
    "spooler-harakiri = 1000",
    "spooler-task = harakiri=1 if test -e once; then echo again; else touch once; sleep 1000; fi",
  );
  await using first = await site.start();
  await writeTask(site.spool, NAME, { ud_spool_func: "f" });
  await until(() => Deno.stat(join(site.dir, "once")).then(() => true, () => false), "no run");
  await first.kill();
  await using second = await site.start();
  await second.line(/killed process \d+: harakiri after 1 s/);
  await second.line(/ f test_1_1_1_1_0 done/);
  assertEquals(await second.stop(), 0);
});
