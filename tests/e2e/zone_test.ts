/** One source of local time in the whole program: cron, log, check, --at and the commands of jobs. */

import { join } from "@std/path";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { Program, programLabel, spooler } from "../support/program.ts";
import { tempDir } from "../support/temp.ts";

const test = (name: string, body: (dir: string, ini: string) => Promise<void>) =>
  Deno.test(`${programLabel}: ${name}`, async () => {
    await using temp = await tempDir();
    await body(temp.path, join(temp.path, "site.ini"));
  });

/** The hour of now, nine hours ahead of UTC. */
const hourInTokyo = () => new Date(Date.now() + 9 * 3_600_000).getUTCHours();

const JOB = (hour: number) =>
  `[uwsgi]\nspooler = spool\ncron = * ${hour} * * * echo "zone $(date +%%H:%%M)"\n`;

/** Log and command have the same minute, or the command began in the one before. */
function assertOneClock(line: string): void {
  const [, logged = "", shown = ""] = /^\S+ (\d\d:\d\d):.*zone (\d\d:\d\d)$/.exec(line) ?? [];
  const minutes = (text: string) => Date.parse(`2026-01-01T${text}Z`) / 60_000;
  const behind = (minutes(logged) - minutes(shown) + 1440) % 1440;
  assert(behind <= 1, line);
}

for (const tz of ["JST-9", "<+09>-9", ":/usr/share/zoneinfo/Asia/Tokyo", "Asia/Tokyo"]) {
  test(`TZ=${tz} is the clock of cron, of the log and of the job's command`, async (_, ini) => {
    await Deno.writeTextFile(ini, JOB(hourInTokyo()));
    await using program = await Program.start(["--ini", ini], { env: { TZ: tz } });
    assertOneClock(await program.line(/\| zone \d\d:\d\d$/));
    assertEquals(await program.stop(), 0);
  });
}

test("an empty TZ is UTC, and the program runs", async (_, ini) => {
  await Deno.writeTextFile(ini, JOB(new Date().getUTCHours()));
  const { code, stdout } = await spooler(["check", ini], "", { TZ: "" });
  assertEquals(code, 0);
  assertMatch(stdout, /next: .*\+00:00/);
  await using program = await Program.start(["--ini", ini], { env: { TZ: "" } });
  await program.line(/\| zone /);
  assertEquals(await program.stop(), 0);
});

test("a TZ that means nothing is an error of check and of the start", async (_, ini) => {
  await Deno.writeTextFile(ini, JOB(1));
  for (const args of [["check", ini], ["--ini", ini]]) {
    const { code, stderr } = await spooler(args, "", { TZ: "Nonsense" });
    assertEquals(code, 2);
    const why = 'environment: TZ names no time zone that is known here: "Nonsense"';
    const isCheck = args[0] === "check";
    assertEquals(stderr, isCheck ? `${why}\n\n1 problem.\n` : `spooler: ${why}\n`);
  }
  await Deno.writeTextFile(ini, `[uwsgi]\nenv = TZ=Nonsense\n`);
  const { code, stderr } = await spooler(["check", ini]);
  assertEquals(code, 2);
  assertStringIncludes(stderr, `${ini}:2: env TZ names no time zone`);
});

test("env = TZ=… of the ini is the program's own clock, as in uWSGI", async (_, ini) => {
  await Deno.writeTextFile(ini, JOB(hourInTokyo()).replace("\n", "\nenv = TZ=Asia/Tokyo\n"));
  const { stdout } = await spooler(["check", ini], "", { TZ: "UTC" });
  assertMatch(stdout, /next: .*\+09:00/);
  await using program = await Program.start(["--ini", ini], { env: { TZ: "UTC" } });
  assertOneClock(await program.line(/\| zone \d\d:\d\d$/));
  assertEquals(await program.stop(), 0);
});

test("push --at is local time", async (dir) => {
  const { code, stdout, stderr } = await spooler(
    ["push", "--dir", join(dir, "spool"), "--create", "--at", "2040-01-01T09:00:00", "a=1"],
    "",
    { TZ: "JST-9" },
  );
  assertEquals([code, stderr], [0, ""]);
  const { mtime } = await Deno.stat(join(dir, "spool", stdout.trim().split("/").at(-1) ?? ""));
  assertEquals(mtime?.toISOString(), "2040-01-01T00:00:00.000Z");
});

test("push --at in a local time that nobody knows queues nothing", async (dir, ini) => {
  await Deno.writeTextFile(ini, "[uwsgi]\nspooler = spool\n");
  const push = (tz: string, at: string, ...into: string[]) =>
    spooler(["push", ...into, "--at", at, "a=1"], "", { TZ: tz });
  const spool = join(dir, "spool");
  for (const into of [["--dir", spool], ["--ini", ini]]) {
    const { code, stdout, stderr } = await push("Nonsense", "2040-01-01T09:00:00", ...into);
    assertEquals([code, stdout], [2, ""]);
    assertMatch(stderr, /^spooler: .*TZ names no time zone that is known here: "Nonsense".*\n$/);
  }
  assertEquals([...Deno.readDirSync(dir)].map(({ name }) => name), ["site.ini"]);
  const offset = ["2040-01-01T09:00:00+09:00", "--dir", spool, "--create"] as const;
  assertEquals((await push("Nonsense", ...offset)).code, 0);
});

test("push --ini --at is in the local time of the ini", async (dir, ini) => {
  await Deno.writeTextFile(ini, "[uwsgi]\nspooler = spool\nenv = TZ=Asia/Tokyo\n");
  const at = ["--at", "2040-01-01T09:00:00"];
  const line = '{"a":"1","at":"2040-01-01T09:00:00"}';
  for (const args of [[...at, "a=1"], ["--lines", "-"]]) {
    const { stdout } = await spooler(["push", "--ini", ini, ...args], line, { TZ: "UTC" });
    const { mtime } = await Deno.stat(join(dir, "spool", stdout.trim()));
    assertEquals(mtime?.toISOString(), "2040-01-01T00:00:00.000Z");
  }
});
