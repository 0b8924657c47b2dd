/** Every command, and the log, over a site whose ini and tasks are full of secrets: none is printed. */

import { join } from "@std/path";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { Program, programLabel, spooler } from "../support/program.ts";
import { testWith } from "../support/require.ts";
import { makeSite, rewriteSite } from "../support/site.ts";

/** No secret of the test is without it. */
const MARK = "s3cr3t";

const INI = [
  `spooler-secret = ${MARK}-alpha-0`,
  `env = API_TOKEN=${MARK}-bravo-1`,
  `env = DB_PASSWORD=${MARK}-charlie-2`,
  `my_secret = ${MARK}-delta-3`,
  `spooler-task = name=a curl -H 'X: ${MARK}-bravo-1' --token ${MARK}-echo-4 https://u:${MARK}-foxtrot-5@h/`,
  // What a command prints of the ini's secrets is masked, too: here it fails with one.
  'spooler-task = echo "no such token: $API_TOKEN" >&2; exit 65',
  `cron = * * * * * export DB_PASSWORD=${MARK}-golf-6; ./sync --api-key=${MARK}-hotel-7`,
  `cron2 = name=job,minute=5 ./x --password ${MARK}-india-8 && echo ${MARK}-bravo-1 >&2; false`,
  `timer2 = every=1h,name=t,on-failure="mail --token ${MARK}-juliet-9" ./y`,
  `cron2 = spool=a,minute=7 api_token=${MARK}-kilo-10`,
  `spooler-on-failure = notify --secret ${MARK}-lima-11`,
];

const TASK = [
  "ud_spool_func=zz",
  `API_TOKEN=${MARK}-mike-12`,
  `smtp_password=${MARK}-oscar-14`,
  `x=${MARK}-bravo-1`,
  `url=https://u:${MARK}-november-13@h/`,
];

async function expectNothing(args: readonly string[]): Promise<void> {
  const { stdout, stderr } = await spooler(args);
  const said = `${stdout}${stderr}`;
  assert(said !== "", `spooler ${args.join(" ")} says nothing`);
  assert(!said.includes(MARK), `spooler ${args.join(" ")}\n${said}`);
}

testWith("executable", `${programLabel}: no command and no log line prints a secret`, async () => {
  await using site = await makeSite(...INI);
  const ini = ["--ini", site.ini];
  const pushed = await spooler(["push", ...ini, ...TASK]);
  const name = pushed.stdout.trim();
  assertEquals(pushed.code, 0, pushed.stderr);

  const everyCommand = async () => {
    for (const json of [[], ["--json"]]) {
      await expectNothing(["check", site.ini, ...json]);
      await expectNothing(["list", ...ini, ...json]);
      await expectNothing(["show", name, ...ini, ...json]);
      await expectNothing(["jobs", ...ini, ...json]);
      await expectNothing(["next", ...ini, ...json]);
      await expectNothing(["pause", ...ini, ...json]);
      await expectNothing(["resume", ...ini, ...json]);
    }
    await expectNothing([...ini, "--show-config"]);
    await expectNothing(["check", site.ini, "--show-config"]);
    await expectNothing(["run-job", ...ini, "job"]);
    await expectNothing(["run-job", ...ini, "nope"]);
    await expectNothing(["run-job", ...ini, "t"]);
    await expectNothing(["systemd-unit", ...ini]);
    await expectNothing(["push", ...ini, `spooler=${MARK}-bravo-1`, "a=b"]);
    await expectNothing(["push", ...ini, `priority=token=${MARK}-bravo-1`, "a=b"]);
    await expectNothing(["show", ...ini, `${MARK}-bravo-1`]);
    await expectNothing(["remove", ...ini, `${MARK}-bravo-1`]);
    await expectNothing(["wait", ...ini, `${MARK}-bravo-1`]);
  };
  // Without an ini only what has the form of a secret is known.
  const formed = await spooler(["show", "--dir", site.spool, name]);
  assertEquals(formed.stdout.match(new RegExp(`${MARK}-\\w+`, "g")), [`${MARK}-bravo`]);
  await everyCommand();

  await using program = await site.start();
  await program.line(/zz \S+ given up, kept in failed/);
  await program.line(/spooler-on-failure for/);
  assertEquals(await program.stop(), 0);
  assert(!program.log.includes(MARK), program.log);
  await everyCommand();

  // The same as JSON lines.
  await expectNothing(["retry", name, ...ini, "--json"]);
  await Deno.writeTextFile(site.ini, `${await Deno.readTextFile(site.ini)}log-json = true\n`);
  await using asJson = await Program.start(ini, { begun: /"ready"|program\.ready|ready/ });
  await asJson.line(/kept in failed|task\.settled/);
  assertEquals(await asJson.stop(), 0);
  assert(!asJson.log.includes(MARK), asJson.log);
  await expectNothing(["remove", name, ...ini, "--json"]);

  // Errors of an ini name the value of a setting, but of no secret one.
  for (const line of [`spooler-secret = s3\nx_token = ${MARK}-a`, `uid = ${MARK}-bravo-1`]) {
    const text = `[uwsgi]\nspooler = spool\nenv = API_TOKEN=${MARK}-bravo-1\n${line}\n`;
    await Deno.writeTextFile(join(site.dir, "bad.ini"), text);
    await expectNothing(["check", join(site.dir, "bad.ini")]);
    await expectNothing(["--ini", join(site.dir, "bad.ini")]);
  }
});

Deno.test(`${programLabel}: what is wrong with a line at a reload hides its secret`, async () => {
  await using site = await makeSite("spooler-task = true", "pidfile = pid");
  await using program = await site.start();
  const secret = `${MARK}-papa-15`;
  // It is wrong for this machine, not as a line: what the lines say is masked where they are read.
  const faulty = ["spooler-task = true", `env = DB_PASSWORD=${secret}`, `spooler-uid = ${secret}`];
  await rewriteSite(site, "pidfile = pid", ...faulty);
  const wrong = 'spooler-uid names no account: "********"';
  const reload = await spooler(["reload", "--ini", site.ini]);
  assertEquals([reload.code, reload.stderr], [2, `spooler: ${site.ini}:6: ${wrong}\n`]);
  const start = await spooler(["--ini", site.ini]);
  assertEquals([start.code, start.stderr], [2, `spooler: ${site.ini}:6: ${wrong}\n`]);
  program.signal("SIGHUP");
  const line = await program.line(/no reload: .*spooler-uid/);
  assertStringIncludes(line, wrong);
  assertEquals(await program.stop(), 0);
  assert(!program.log.includes(MARK), program.log);
});
