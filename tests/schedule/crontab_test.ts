import { importCrontab } from "../../src/schedule/crontab.ts";
import { assertEquals, assertStringIncludes } from "../support/assert.ts";
import { jobsOf } from "../support/jobs.ts";

const user = (...lines: string[]) => importCrontab(`${lines.join("\n")}\n`, "user");
const system = (...lines: string[]) => importCrontab(`${lines.join("\n")}\n`, "system");

Deno.test("a line of a crontab is a cron line, comments and blank lines stay", () => {
  assertEquals(user("# nightly", "", "*/5  8-18 * * mon-fri   /usr/bin/sync  -a", "@daily x"), [
    "# nightly",
    "",
    "cron = */5 8-18 * * mon-fri /usr/bin/sync  -a",
    "cron = @daily x",
  ]);
});

Deno.test("the account of a system crontab becomes user=", () => {
  assertEquals(system("17 *\t* * *\troot    cd / && run-parts /etc/cron.hourly"), [
    'cron2 = when="17 * * * *",user=root cd / && run-parts /etc/cron.hourly',
  ]);
  assertEquals(system("0 1 * * * www:staff x"), ['cron2 = when="0 1 * * *",user=www x']);
});

Deno.test("a percent sign means to an ini what it means to cron", () => {
  assertEquals(user("0 1 * * * date +\\%F"), ["cron = 0 1 * * * date +%%F"]);
  assertEquals(user("0 1 * * * mail -s hi root%Hello,%it's me%"), [
    "cron = 0 1 * * * printf '%%s\\n' Hello, 'it'\\''s me' '' | (mail -s hi root)",
  ]);
});

Deno.test("variables are exported, the shell is called, mail is named", () => {
  assertEquals(
    user("MAILTO=root", 'PATH = "/usr/bin:/bin"', "SHELL=/bin/bash", "0 1 * * * a 'b'"),
    [
      "; MAILTO=root: output goes to the log; on-failure= of cron2 can send a mail",
      "; PATH=/usr/bin:/bin: exported in the lines below",
      "; SHELL=/bin/bash: called below",
      `cron = 0 1 * * * export PATH=/usr/bin:/bin; /bin/bash -c 'a '\\''b'\\'''`,
    ],
  );
});

Deno.test("variables hold for the lines behind them only", () => {
  const lines = user("0 1 * * * a", "X=1", "0 1 * * * b", "X=2", "0 1 * * * c");
  assertEquals(lines.filter((line) => line.startsWith("cron")), [
    "cron = 0 1 * * * a",
    "cron = 0 1 * * * export X=1; b",
    "cron = 0 1 * * * export X=2; c",
  ]);
});

Deno.test("cronie's zone and random delay become tz= and jitter=", () => {
  const lines = user("CRON_TZ=Europe/Berlin", "RANDOM_DELAY=45", "0 1 * * * a", "@reboot b");
  assertEquals(lines.slice(2), [
    'cron2 = when="0 1 * * *",tz=Europe/Berlin,jitter=45m a',
    'cron2 = when="@reboot",jitter=45m b',
  ]);
});

Deno.test("what is not understood is there as a comment, with the reason and its line", () => {
  const [reason = "", line] = user("", "0 25 * * * x", "0~59 * * * * y").slice(1);
  assertStringIncludes(reason, "; NOT TAKEN OVER, line 2: hour (field 2, character 3)");
  assertEquals(line, "; 0 25 * * * x");
  assertStringIncludes(user("0~59 * * * * y")[0] ?? "", "jitter=");
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
  ).filter((line) => line.startsWith("cron"));
  const jobs = jobsOf(...lines);
  assertEquals(jobs.map(({ user }) => user), ["root", "backup"]);
  assertEquals(jobs.map(({ when }) => when.kind === "cron" && when.zone.name), [
    "America/New_York",
    "America/New_York",
  ]);
  assertEquals(
    jobs[0]?.action.kind === "command" && jobs[0].action.command,
    "/bin/bash -c 'test -x /usr/bin/x && x --fail'",
  );
});
