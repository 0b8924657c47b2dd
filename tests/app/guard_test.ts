/** An unexpected error in one part: it is logged with its place, and the others go on. */

import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { Program, spooler } from "../support/program.ts";
import { testWith } from "../support/require.ts";
import { makeSite, pushTask, type Site } from "../support/site.ts";

const SCRIPT = new URL("../support/throwing_program.ts", import.meta.url).pathname;

async function start(site: Site, ...fault: string[]): Promise<Program> {
  const args = ["run", "--quiet", "--allow-all", SCRIPT, site.ini, ...fault];
  const program = Program.launch(Deno.execPath(), args);
  await program.line(/ ready$/);
  return program;
}

const SITE = [
  "socket = 127.0.0.1:0",
  "spooler-frequency = 1",
  "spooler-max-retries = 1",
  "spooler-task = echo ran $SPOOLER_FUNC",
  "timer2 = every=200ms,name=bad true",
  "timer2 = every=200ms,name=good true",
];

for (
  const [part, type, word] of [
    ["a job", "job.started", '"bad"'],
    ["the end of a job", "job.ended", '"bad"'],
    ["a task's output", "task.output", "ran bad"],
    ["the end of a task", "task.settled", '"bad"'],
    ["a reload", "program.reloading", "SIGHUP"],
    ["a status", "program.status", "running"],
    ["the listing of a spool", "spool.opened", "other"],
  ] as const
) {
  testWith("libc", `an unexpected error of ${part} is logged, and all others go on`, async () => {
    await using site = await makeSite(...SITE);
    await using program = await start(site, type, word);
    await pushTask(site, "ud_spool_func=bad");
    program.signal("SIGUSR1");
    program.signal("SIGHUP");
    await program.line(/ running under the old configuration$| reloading \(SIGHUP\)$/);
    const jobs = program.log.match(/job good done/g)?.length ?? 0;
    await program.line(/job good done/, jobs + 2);
    await pushTask(site, "ud_spool_func=good");
    await program.line(/\| ran good$/);
    await program.line(/good \S+ done/);
    if (type !== "spool.opened") {
      const said = await program.line(/injected/);
      assertMatch(said, /unexpected error: injected \(src\/\S+\.ts:\d+|warning: .*injected/);
    }
    assertEquals(await program.stop(), 0);
  });
}

testWith(
  "libc",
  "an impossible state ends the program, with its place and exit code 70",
  async () => {
    await using site = await makeSite(
      "spooler-max-retries = 1",
      "spooler-task = name=slow echo begun; sleep 600",
      "timer2 = every=1h,at-start=yes,name=bad true",
    );
    await using program = await start(site, "program.status", "slow", "impossible");
    await pushTask(site, "ud_spool_func=slow");
    await program.line(/\| begun/);
    program.signal("SIGUSR1");
    assertEquals(await program.ended(), 70);
    assertMatch(program.log, /impossible state: injected \(src\/app\/app\.ts:\d+.*exit code 70/);
    const { stdout } = await spooler(["list", "--dir", site.spool, "--json"]);
    assert(/"state":"ready"/.test(stdout) && /"failures":0/.test(stdout), stdout);
  },
);

/** A site whose tasks a worker runs. */
async function workedSite(): Promise<Site> {
  const site = await makeSite("spooler-import = tasks.mjs");
  await Deno.writeTextFile(`${site.dir}/tasks.mjs`, "export const bad = () => {}, good = bad;");
  return site;
}

testWith("libc", "an unexpected error at a worker's answer is no fault of the worker", async () => {
  await using site = await workedSite();
  await using program = await start(site, "task.settled", '"bad"');
  await program.line(/ loaded /);
  await pushTask(site, "ud_spool_func=bad");
  await program.line(/unexpected error: injected \(.*src\/worker\/batches\.ts:\d+/);
  await pushTask(site, "ud_spool_func=good");
  await program.line(/good \S+ done/);
  assertEquals(await program.stop(), 0);
  assertEquals(program.log.match(/broke the protocol|deferred until/g), null);
});

testWith("libc", "an impossible state at a worker's answer ends the program", async () => {
  await using site = await workedSite();
  await using program = await start(site, "task.settled", '"bad"', "impossible");
  await program.line(/ loaded /);
  await pushTask(site, "ud_spool_func=bad");
  assertEquals(await program.ended(), 70);
  assertMatch(program.log, /impossible state: injected \(.*src\/worker\/batches\.ts:\d+/);
});

testWith("libc", "an impossible state during a stop is no ordinary end", async () => {
  await using site = await makeSite(
    "timer2 = every=1h,at-start=yes,name=bad echo begun; while ! test -f go; do sleep 0.05; done",
  );
  await using program = await start(site, "job.ended", '"bad"', "impossible");
  await program.line(/\| begun/);
  program.signal("SIGTERM");
  await program.line(/ stopping \(SIGTERM\)/);
  await Deno.writeTextFile(`${site.dir}/go`, "");
  assertEquals(await program.ended(), 70);
  assertMatch(program.log, /impossible state: injected/);
});

testWith("libc", "a stop says every 10 s what it waits for, and how long it will", async () => {
  await using site = await makeSite(
    "spooler-task = name=slow echo begun; while ! test -f go; do sleep 0.05; done",
    "timer2 = every=1h,at-start=yes,name=job while ! test -f go; do sleep 0.05; done",
  );
  await using program = await start(site, "no event", "", "hurry");
  await pushTask(site, "ud_spool_func=slow");
  await program.line(/\| begun/);
  program.signal("SIGTERM");
  const waits =
    /still waiting for 2: job job for \d+ s, task \S+ \(slow\) for \d+ s; they have (\d+\.\d s|1m?) left/;
  await program.line(waits, 3);
  await Deno.writeTextFile(`${site.dir}/go`, "");
  assertEquals(await program.ended(), 0);
});

testWith("libc", "a stop that does not end says so, and ends with exit code 70", async () => {
  await using site = await makeSite("reload-mercy = 1");
  await using program = await start(site, "-", "-", "stuck");
  program.signal("SIGHUP");
  // Of two signals at once the second may be the first.
  await program.line(/^rereads$/);
  program.signal("SIGTERM");
  assertEquals(await program.ended(), 70);
  assertMatch(
    program.log,
    /impossible state: the stop does not end \(src\/app\/app\.ts:\d+.*code 70/,
  );
});
