import { interpret } from "../../src/config/interpret.ts";
import { ConfigError } from "../../src/platform/problem.ts";
import { assert, assertEquals, assertStringIncludes, assertThrows } from "../support/assert.ts";
import { entriesOf } from "../support/entries.ts";
import { jobOf, jobsOf } from "../support/jobs.ts";

const warningsOf = (...lines: string[]) =>
  interpret(entriesOf(lines), "/srv/site.ini").warnings.map(({ message }) => message);

Deno.test("a plain cron line may overlap and makes nothing up, as in uWSGI", () => {
  const job = jobOf("cron = -5 -1 -1 -1 -1 ./sync a b");
  assertEquals(job.when.kind === "cron" && [...job.when.spec.minutes].slice(0, 3), [0, 5, 10]);
  assertEquals(job.action, { kind: "command", command: "./sync a b" });
  assertEquals([job.overlap, job.catchupMs, job.jitterMs, job.retries], ["allow", 0, 0, 0]);
});

Deno.test("unique-cron, unique=1 and timer2 do not overlap unless they say so", () => {
  assertEquals(jobOf("unique-cron = * * * * * x").overlap, "skip");
  assertEquals(jobOf("cron2 = unique=1 x").overlap, "skip");
  assertEquals(jobOf("timer2 = every=1s x").overlap, "skip");
  assertEquals(jobOf("timer2 = every=1s,overlap=allow x").overlap, "allow");
});

Deno.test("cron2 takes its fields by name, -1 where there is none", () => {
  const named = jobOf('cron2 = minute="0,30",hour=8-18,week=mon-fri x');
  const plain = jobOf("cron = 0,30 8-18 -1 -1 mon-fri x");
  assertEquals(named.when, plain.when);
  assertEquals(jobOf('cron2 = when="0,30 8-18 -1 -1 mon-fri" x').when, plain.when);
});

Deno.test("cron-harakiri holds for cron lines that have none; 0 is without end", () => {
  const [plain, own, off, timer] = jobsOf(
    "cron-harakiri = 60",
    "cron = * * * * * a",
    "cron2 = harakiri=5 b",
    "cron2 = harakiri=0 c",
    "timer2 = every=1s d",
  );
  assertEquals([plain, own, off, timer].map((job) => job?.harakiriMs), [60_000, 5000, null, null]);
});

Deno.test("cron-tz is the zone of lines without tz=", () => {
  const [plain, own] = jobsOf(
    "cron-tz = Asia/Kathmandu",
    "cron = * * * * * a",
    "cron2 = tz=Europe/Berlin b",
  );
  const zones = [plain, own].map((job) => job?.when.kind === "cron" && job.when.zone.name);
  assertEquals(zones, ["Asia/Kathmandu", "Europe/Berlin"]);
});

Deno.test("the extras of cron2 and timer2 are read", () => {
  const job = jobOf(
    'cron2 = name=b,group=g,catchup=1h,jitter=120,retries=3,user=www,on-failure="mail x" y',
  );
  assertEquals(
    [job.name, job.group, job.catchupMs, job.jitterMs, job.retries, job.user, job.onFailure],
    ["b", "g", 3_600_000, 120_000, 3, "www", "mail x"],
  );
  assertEquals(jobOf("timer2 = every=500ms,iterations=3,at-start=1 x").when, {
    kind: "every",
    everyMs: 500,
    atStart: true,
    iterations: 3,
  });
});

Deno.test("spool= makes a task of the rest of the line", () => {
  assertEquals(jobOf(`timer2 = every=1h,spool=cleanup keep=7 who='a b' empty=`).action, {
    kind: "task",
    vars: [["ud_spool_func", "cleanup"], ["keep", "7"], ["who", "a b"], ["empty", ""]],
  });
});

for (const option of ["timer", "rbtimer", "signal-timer", "signal-rbtimer"]) {
  Deno.test(`${option} raises a signal at intervals`, () => {
    const job = jobOf(`${option} = 17 30`);
    assertEquals(job.action, { kind: "signal", signal: 17, owner: null, times: 1 });
    assertEquals(job.when.kind === "every" && job.when.everyMs, 30_000);
  });
}

Deno.test("a job is called after its command, and by more where that is not enough", () => {
  const names = jobsOf(
    "cron = * * * * * /usr/bin/backup.sh --all",
    "cron = 1 * * * * PATH=/x python a.py",
    "cron = 2 * * * * python a.py",
    "timer2 = every=1s,name=beat python c.py",
  ).map(({ name }) => name);
  assertEquals([names[0], names[3]], ["backup.sh", "beat"]);
  assert(names.slice(1, 3).every((name) => /^a\.py-[0-9a-f]{4}$/.test(name)), names.join(" "));
  assertEquals(new Set(names).size, 4);
});

Deno.test("jobs of one script are called by the arguments in which they differ", () => {
  const jobs = jobsOf(
    "unique-cron = -1 -1 -1 -1 -1 ./manage.py runjobs minutely",
    "unique-cron = -15 -1 -1 -1 -1 ./manage.py runjobs quarter_hourly",
    "unique-cron = 0 0 1 1 -1 ./manage.py runjobs yearly",
    "cron = @daily export A=1; cd /srv && bash -c 'flock -n l ./nightly'",
  );
  assertEquals(jobs.map(({ name }) => name), [
    ...["nightly", "manage.py-minutely", "manage.py-quarter_hourly", "manage.py-yearly"],
  ]);
  // The state file knows them as it always has.
  assertEquals(jobs[1]?.id, "#34b49a151376f9e4");
});

Deno.test("blanks around = are ignored", () => {
  const [spaced, plain] = jobsOf(
    "cron2 = minute = 5, hour = 3 , name = spaced echo a = b",
    "cron2 = minute=5,hour=3,name=plain echo a = b",
  );
  assertEquals(spaced?.when, plain?.when);
  assertEquals(spaced?.action, plain?.action);
  assertEquals(spaced?.name, "spaced");
  const [command] = jobsOf("cron2 = make all = yes");
  assertEquals(command?.action, { kind: "command", command: "make all = yes" });
});

Deno.test("an ini that is loaded twice does not double its jobs", () => {
  const lines = ["cron = * * * * * x", "timer2 = every=1s,name=a y"];
  assertEquals(jobsOf(...lines, ...lines).length, 2);
  const [warning = ""] = warningsOf(...lines, ...lines);
  assertStringIncludes(warning, "is the same job as /srv/site.ini:2 and runs once");
});

Deno.test("a job keeps its place in the state when lines move around it", () => {
  const [alone] = jobsOf("cron = * * * * * x");
  const [, moved] = jobsOf("cron = 5 * * * * y", "cron = * * * * * x");
  assertEquals(moved?.id, alone?.id);
});

Deno.test("the state file is beside the first spool, where it is not named", () => {
  const stateOf = (...lines: string[]) =>
    interpret(entriesOf(lines), "/srv/site.ini").config.cronState;
  assertEquals(stateOf("spooler = /var/jobs"), "/var/jobs.site.cron-state");
  assertEquals(stateOf("cron = * * * * * x"), "/srv/site.ini.cron-state");
  assertEquals(stateOf("spooler = a", "cron-state = run/state"), "/srv/run/state");
});

Deno.test("a day that never comes is warned of", () => {
  const [warning = ""] = warningsOf("cron = 0 0 31 2 * x");
  assertStringIncludes(warning, "names a day that never comes");
});

const REFUSED: [string, string][] = [
  ["cron = name=daily 0 3 * * * x", 'cron takes no settings, but cron2 does: "name=daily"'],
  ["cron = 0 25 * * * x", "cron hour (field 2, character 3) needs numbers from 0 to 23"],
  ["cron2 = hour=25 x", "cron2 hour= needs numbers from 0 to 23"],
  ["cron2 = minute=5", "needs a command"],
  ["cron2 = legion=a,minute=5 x", "legion="],
  ["cron2 = tz=Mars/Base x", "tz= needs a time zone"],
  ['cron2 = when="* * * * *",hour=3 x', "when= or hour=, not both"],
  ["cron2 = overlap=maybe x", "skip, allow, queue, replace"],
  ["cron2 = unique=1,overlap=allow x", "unique= and overlap=allow"],
  ["cron2 = unique=maybe x", "1 or 0 behind unique="],
  ["cron2 = catchup=soon x", "catchup= needs a duration"],
  ["cron2 = name=a/b x", "letters, digits"],
  ["cron2 = retries=-1 x", "retries= needs a whole number"],
  ["cron2 = spool=f,harakiri=3 a=b", "spool= and harakiri="],
  ["cron2 = spool=f cleanup", 'NAME=VALUE pairs for a task, not "cleanup"'],
  ["cron2 = spool=f spooler=/elsewhere", "spooler=/elsewhere"],
  ['cron2 = spool="" a=b', "the name of a function"],
  ["cron2 = spool= a=b", "a blank behind spool="],
  ["timer2 = 30 x", "every=DURATION"],
  ["timer2 = every=0 x", "every= needs a duration"],
  ["timer2 = every=1s,iterations=0 x", "iterations= needs a whole number ≥ 1"],
  ["timer = 256 1", "a signal from 0 to 255"],
  ["timer = 1 1 ./x", 'not "./x"'],
  ["timer = ./x", "commands are for timer2"],
  ["cron-tz = Mars/Base", "cron-tz needs a time zone"],
];

for (const [line, part] of REFUSED) {
  Deno.test(`"${line}" is refused`, () => {
    const error = assertThrows(() => jobOf(line), ConfigError, part);
    assertStringIncludes(error.message, "/srv/site.ini:3: ");
  });
}

Deno.test("two jobs of one name are refused, with both places", () => {
  assertThrows(
    () => jobsOf("cron2 = name=a x", "timer2 = every=1s,name=a y"),
    ConfigError,
    "/srv/site.ini:4: timer2 has the name that /srv/site.ini:3 has",
  );
});

Deno.test("spool= without a spooler is refused", () => {
  assertThrows(
    () => interpret(entriesOf(["cron2 = spool=f a=b"]), "/srv/site.ini"),
    ConfigError,
    "there is no spooler",
  );
});

Deno.test("cron-on-failure is for every job that has no on-failure= of its own", () => {
  const jobs = jobsOf(
    "cron-on-failure = ./alarm all",
    "cron = * * * * * a",
    'cron2 = on-failure="./alarm one" b',
    'timer2 = every=1s,on-failure="" c',
    "timer2 = every=1s d",
    "timer2 = every=1s,spool=task",
    "timer = 17 5",
  );
  assertEquals(jobs.map(({ onFailure }) => onFailure), [
    ...["./alarm all", "./alarm one", null, "./alarm all", null, "./alarm all"],
  ]);
});

Deno.test("a task of a schedule goes where any task goes: into a spool, or to a target", () => {
  const read = (...lines: string[]) =>
    interpret(entriesOf(lines), "/srv/site.ini").config.schedules;
  const forward = "spooler-forward = /out hub:3031";
  // The first spool, or the first forward of an ini without a spool.
  assertEquals(read(forward, "cron2 = hour=3,spool=clean").length, 1);
  for (const spooler of ["/out", "hub:3031", "/spool"]) {
    const lines = ["spooler = /spool", forward, `cron2 = hour=3,spool=clean spooler=${spooler}`];
    assertEquals(read(...lines).length, 1, spooler);
  }
  const wrong = `cron2 = hour=3,spool=clean spooler=/elsewhere`;
  assertThrows(
    () => read("spooler = /spool", forward, wrong),
    ConfigError,
    "takes spooler=/spool, /out",
  );
  assertThrows(() => read("cron2 = hour=3,spool=clean"), ConfigError, "no spooler to put it in");
});

Deno.test("once=cluster claims a slot, or puts a task that its stream stores once", () => {
  const forward = "spooler-forward = out nats://a/jobs";
  const onceOf = (line: string, ...others: string[]) => jobOf(line, ...others).once;
  assertEquals(onceOf("cron2 = hour=3 x"), null);
  assertEquals(onceOf("cron2 = name=a,once=cluster x", forward), "claim");
  assertEquals(
    onceOf("timer2 = every=1m,name=a,once=cluster x", "spooler-stream = nats://a/jobs"),
    "claim",
  );
  // The first spool is not the stream.
  assertEquals(onceOf("cron2 = name=a,once=cluster,spool=f k=v", forward), "claim");
  const named = "cron2 = name=a,once=cluster,spool=f spooler=nats://a/jobs k=v";
  assertEquals(onceOf(named, forward), "message");
  const mixed = "spooler-forward = out nats://a/jobs hub:3031";
  assertEquals(onceOf(named, mixed), "claim");
});

Deno.test("once=cluster says what it needs", () => {
  const forward = "spooler-forward = out nats://a/jobs";
  const cases = [
    ["cron2 = once=cluster x", forward, "needs name="],
    ["cron2 = name=a,once=cluster x", "env = A=1", "needs a cluster to agree with"],
    ["cron2 = name=a,once=machine x", forward, 'needs cluster behind once=, not "machine"'],
    ["cron2 = name=a,once=cluster,when=@reboot x", forward, "one machine's start"],
    ["cron2 = name=a,once=cluster,catchup=8d x", forward, "takes 7d of catchup= at most"],
    ["timer2 = every=1m,name=a,once=cluster,at-start=1 x", forward, "one program's start"],
    ["timer2 = every=1m,name=a,once=cluster,iterations=3 x", forward, "one program's start"],
  ] as const;
  for (const [line, other, message] of cases) {
    const { message: said } = assertThrows(() => jobOf(line, other), ConfigError);
    assertStringIncludes(said, message);
  }
});
