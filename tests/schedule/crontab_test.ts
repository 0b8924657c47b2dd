import { importCrontab } from "../../src/schedule/crontab.ts";
import { assertEquals, assertStringIncludes } from "../support/assert.ts";
import { jobsOf } from "../support/jobs.ts";

const text = (lines: readonly string[]) => `${lines.join("\n")}\n`;
/** Without the section, and without the home directory. */
const user = (...lines: string[]) =>
  importCrontab(text(lines), {
    format: "user",
    home: null,
    isDirectory: () => true,
    isAccount: () => true,
  }).lines.slice(
    1,
  );
const system = (...lines: string[]) =>
  importCrontab(text(lines), {
    format: "system",
    home: null,
    isDirectory: () => true,
    isAccount: () => true,
  }).lines.slice(
    1,
  );
const jobLines = (lines: readonly string[]) => lines.filter((line) => line.startsWith("cron"));

Deno.test("what is printed is an ini, and runs where cron runs a user's jobs", () => {
  const { lines, leftOut } = importCrontab("0 1 * * * a\n", {
    format: "user",
    home: "/home/me",
    isDirectory: () => true,
    isAccount: () => true,
  });
  assertEquals([lines, leftOut], [[
    "[uwsgi]",
    "; cron runs jobs in the home directory",
    "chdir = /home/me",
    "cron = 0 1 * * * a",
  ], 0]);
});

Deno.test("a line of a crontab is a cron line, comments and blank lines stay", () => {
  assertEquals(user("# nightly", "", "*/5  8-18 * * mon-fri   /usr/bin/sync  -a", "@daily x"), [
    "# nightly",
    "",
    "cron = */5 8-18 * * mon-fri /usr/bin/sync  -a",
    "cron = @daily x",
  ]);
});

Deno.test("the account of a system crontab becomes user=, and its home the directory", () => {
  assertEquals(system("17 *\t* * *\troot    cd / && run-parts /etc/cron.hourly"), [
    'cron2 = when="17 * * * *",user=root,chdir=~ cd / && run-parts /etc/cron.hourly',
  ]);
  assertEquals(system("0 1 * * * www:staff x"), [
    'cron2 = when="0 1 * * *",user=www,chdir=~ x',
  ]);
});

Deno.test("a percent sign means to an ini what it means to cron", () => {
  assertEquals(user("0 1 * * * date +\\%F"), ["cron = 0 1 * * * date +%%F"]);
  // A final % ends the last line of stdin; another one is an empty line.
  assertEquals(user("0 1 * * * mail -s hi root%Hello,%it's me%"), [
    "cron = 0 1 * * * printf '%%s\\n' Hello, 'it'\\''s me' | (mail -s hi root)",
  ]);
  assertEquals(user("0 1 * * * cat%a%%"), ["cron = 0 1 * * * printf '%%s\\n' a '' | (cat)"]);
  assertEquals(user("0 1 * * * cat%"), ["cron = 0 1 * * * cat"]);
});

Deno.test("variables that hold for all jobs are options", () => {
  assertEquals(
    user(
      ...["MAILTO=ops@example.org", 'PATH = "/usr/bin:/bin"', "SHELL=/bin/bash", "HOME=/srv/100%"],
      ...["CRON_TZ=Europe/Berlin", "TOKEN='a b'", "0 1 * * * a 'b'"],
    ),
    [
      "; MAILTO=ops@example.org: all output goes to the log; this mails the end of stderr of what fails",
      'cron-on-failure = mail -s "$SPOOLER_JOB: $SPOOLER_RESULT" ops@example.org',
      "env = PATH=/usr/bin:/bin",
      "binsh = /bin/bash",
      "env = SHELL=/bin/bash",
      "; cron runs jobs in HOME",
      "chdir = /srv/100%%",
      "env = HOME=/srv/100%%",
      "cron-tz = Europe/Berlin",
      "env = TOKEN=a b",
      "cron = 0 1 * * * a 'b'",
    ],
  );
});

Deno.test("variables that change between jobs are in their lines", () => {
  const lines = user(
    ...["0 1 * * * a", "X=1", "0 1 * * * b", "X=2", "SHELL=/bin/bash", "MAILTO=me", "HOME=/h"],
    ...["CRON_TZ=UTC", "0 1 * * * c"],
  );
  assertEquals(jobLines(lines), [
    "cron = 0 1 * * * a",
    "cron = 0 1 * * * export X=1; b",
    'cron2 = when="0 1 * * *",tz=UTC,chdir=/h,' +
    `on-failure='mail -s "$SPOOLER_JOB: $SPOOLER_RESULT" me' ` +
    "export X=2; export HOME=/h; /bin/bash -c c",
  ]);
});

Deno.test("a variable behind the last job is no option", () => {
  assertEquals(user("X=1", "0 1 * * * a", "X=1", "X=2").slice(2), [
    "; X=1: as above",
    "; X=2: no job comes after it",
  ]);
});

Deno.test("TZ is the commands' clock, and not the schedule's", () => {
  const lines = user("TZ=Asia/Tokyo", "0 1 * * * date");
  assertEquals(jobLines(lines), ["cron = 0 1 * * * export TZ=Asia/Tokyo; date"]);
});

Deno.test("cronie's random delay becomes jitter=", () => {
  const lines = user("RANDOM_DELAY=45", "0 1 * * * a", "@reboot b");
  assertEquals(jobLines(lines), [
    'cron2 = when="0 1 * * *",jitter=45m a',
    'cron2 = when="@reboot",jitter=45m b',
  ]);
});

Deno.test("what is not understood is there as a comment, with the reason and its line", () => {
  const [reason = "", line] = user("", "0 25 * * * x", "0~59 * * * * y").slice(1);
  assertStringIncludes(reason, "; NOT CONVERTED, line 2: hour (field 2, character 3)");
  assertEquals(line, "; 0 25 * * * x");
  assertStringIncludes(user("0~59 * * * * y")[0] ?? "", "jitter=");
  const { leftOut } = importCrontab("0 25 * * * x\n0 1 * * * y\n0 1 * * *\n", {
    format: "user",
    home: null,
    isDirectory: () => true,
    isAccount: () => true,
  });
  assertEquals(leftOut, 2);
});

Deno.test("a system crontab taken for a user's is noticed", () => {
  assertStringIncludes(user("0 1 * * * root /bin/x")[0] ?? "", "--system");
});

Deno.test("what is printed can be loaded, and means the same commands", () => {
  const lines = system(
    "SHELL=/bin/bash",
    "CRON_TZ=America/New_York",
    "*/10 * * * * root test -x /usr/bin/x && x --fail",
    "@weekly backup tar czf /b.tgz /srv%",
  ).filter((line) => /^(?:cron|env|binsh)/.test(line));
  const jobs = jobsOf(...lines);
  assertEquals(jobs.map(({ user }) => user), ["root", "backup"]);
  assertEquals(jobs.map(({ cwd }) => cwd), ["~", "~"]);
  assertEquals(jobs.map(({ when }) => when.kind === "cron" && when.zone.name), [
    "America/New_York",
    "America/New_York",
  ]);
  assertEquals(jobs.map(({ action }) => action.kind === "command" && action.command), [
    "test -x /usr/bin/x && x --fail",
    "tar czf /b.tgz /srv",
  ]);
});
