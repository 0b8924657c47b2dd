/** Python task code in the whole program: the example, and code that ends its worker. */

import { dirname, join } from "@std/path";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { countLines, ledgerLines } from "../support/ledger.ts";
import { Program, programLabel, spooler } from "../support/program.ts";
import { isRunning } from "../support/processes.ts";
import { testWith } from "../support/require.ts";
import { makeSite, type Site } from "../support/site.ts";
import { tempDir } from "../support/temp.ts";
import { until } from "../support/until.ts";

const test = (name: string, body: () => Promise<void>) =>
  testWith("python", `${programLabel}: ${name}`, body);

const EXAMPLE = new URL("../../examples/python-tasks/", import.meta.url);

test("the Python example does what its README says", async () => {
  await using temp = await tempDir();
  const dir = temp.path;
  const ini = join(dir, "site.ini");
  await Deno.copyFile(new URL("site.ini", EXAMPLE), ini);
  const code = await Deno.readTextFile(new URL("tasks.py", EXAMPLE));
  assert(code.includes("@timer(5)"));
  await Deno.writeTextFile(join(dir, "tasks.py"), code.replace("@timer(5)", "@timer(1)"));
  const checked = await spooler(["check", ini]);
  assertEquals(checked.code, 0, checked.stderr);
  await using program = await Program.start(["--ini", ini]);
  const out = (name: string) => ledgerLines(join(dir, "out", name));
  const push = (...vars: string[]) => spooler(["push", "--ini", ini, ...vars]);

  await push("ud_spool_func=sign_up", "name=ann", "mail=ann@example.org");
  await until(() => out("index.txt").length === 1, "the index is not written");
  await until(() => out("mails.txt").length === 1, "the mail is not written");
  assertEquals(out("mails.txt"), ["to ann@example.org: Welcome!"]);
  assertEquals(out("thumbnails.txt"), ["ann.jpg 64x100"]);
  assertEquals(out("index.txt"), ["ann.jpg"]);
  await program.line(/ send_mail\| sent a mail to ann@example\.org$/);
  for (const func of ["sign_up", "send_mail", "make_thumbnail", "update_index"]) {
    await program.line(new RegExp(` ${func} \\S+ done`));
  }
  const { stdout } = await spooler(["list", "--ini", ini, "--json"]);
  assertEquals(stdout.trim().split("\n").length, 1, "one mail waits for tomorrow");
  assertStringIncludes(stdout, "deferred");

  await push("ud_spool_func=send_mail", "to=nobody", "body=hello");
  await program.line(/ send_mail! ValueError: no address: 'nobody'$/);
  await program.line(/deferred .*ValueError: no address: 'nobody'/);
  await until(() => out("heartbeat.txt").length > 1, "the timer does not tick");
  assertEquals(await program.stop(), 0);
});

async function siteWith(code: string, ...lines: string[]): Promise<Site> {
  const site = await makeSite(
    ...["spooler-frequency = 1", "spooler-retry-delay = 1", "spooler-import = tasks.py", ...lines],
  );
  const prelude = `
import os, signal, sys, time, uwsgi
from uwsgidecorators import *
def note(text):
    with open(${JSON.stringify(join(site.dir, "ledger"))}, "a") as ledger:
        ledger.write(text + "\\n")
def runs(env):
    path = env["spooler_task_name"] + ".runs"
    count = int(open(path).read()) + 1 if os.path.exists(path) else 1
    open(path, "w").write(str(count))
    return count
`;
  await Deno.writeTextFile(join(site.dir, "tasks.py"), prelude + code);
  return site;
}

const ledgerOf = (site: Site) => ledgerLines(join(site.dir, "ledger"));
const pushTo = (site: Site, ...vars: string[]) =>
  spooler(["push", "--create", "--dir", site.spool, ...vars]);

test("a task that ends its worker fails alone, and is run again by another", async () => {
  await using site = await siteWith(`
@spool
def deadly(env):
    if runs(env) == 1:
        os._exit(3)
    note("deadly")
@spool
def task(env):
    note("task " + env["n"])
`);
  await pushTo(site, "ud_spool_func=deadly");
  for (let n = 0; n < 20; n++) await pushTo(site, "ud_spool_func=task", `n=${n}`);
  await using program = await site.start();
  await until(() => ledgerOf(site).length === 21, "not all have run");
  const counts = countLines(ledgerOf(site));
  assertEquals([counts.size, counts.get("deadly")], [21, 1]);
  await program.line(/deadly .*deferred .*/);
  assertEquals(await program.stop(), 0);
});

test("a worker that is killed from outside costs no task", async () => {
  await using site = await siteWith(
    `
@spool
def task(env):
    note("task " + env["n"])
    if env["n"] == "5" and runs(env) == 1:
        os.kill(os.getpid(), signal.SIGKILL)
`,
    "spooler-processes = 2",
  );
  for (let n = 0; n < 30; n++) await pushTo(site, "ud_spool_func=task", `n=${n}`);
  await using program = await site.start();
  await until(() => countLines(ledgerOf(site)).size === 30, "not all have run");
  await until(
    () => countLines(ledgerOf(site)).get("task 5") === 2,
    "the killer does not run again",
  );
  assertEquals(ledgerOf(site).length, 31);
  assertEquals(await program.stop(), 0);
});

test("a hung task is ended by harakiri, and others go on", async () => {
  await using site = await siteWith(
    `
@spool
def hangs(env):
    if runs(env) == 1:
        while True:
            pass
    note("hangs")
@spool
def task(env):
    note("task")
`,
    "spooler-harakiri = 1",
  );
  await pushTo(site, "ud_spool_func=hangs");
  await pushTo(site, "ud_spool_func=task");
  await using program = await site.start();
  await until(() => countLines(ledgerOf(site)).size === 2, "not all have run");
  await program.line(/hangs .*harakiri/);
  assertEquals(ledgerOf(site).toSorted(), ["hangs", "task"]);
});

test("a module that cannot be loaded waits until its file is better", async () => {
  await using site = await siteWith("1 / 0\n");
  await pushTo(site, "ud_spool_func=task");
  await using program = await site.start();
  await program.line(/tasks\.py: ZeroDivisionError: division by zero/);
  const file = join(site.dir, "tasks.py");
  const code = await Deno.readTextFile(file);
  const better = code.replace("1 / 0\n", '@spool\ndef task(env):\n    note("task")\n');
  // Whole at once: the half of it that a worker read might be a module, too.
  await Deno.writeTextFile(`${file}.new`, better);
  await Deno.rename(`${file}.new`, file);
  await until(() => ledgerOf(site).length === 1, "the task does not run");
});

test("a task for an unknown function stays, and the log says so", async () => {
  await using site = await siteWith("@spool\ndef task(env):\n    note('task')\n");
  await using program = await site.start();
  await pushTo(site, "ud_spool_func=unknown");
  await program.line(/no handler for "unknown"/);
  await pushTo(site, "ud_spool_func=task");
  await until(() => ledgerOf(site).length === 1, "the task does not run");
  const { stdout } = await spooler(["list", "--dir", site.spool]);
  assertStringIncludes(stdout, "unknown");
});

test("commands and Python functions share a spool; what one ignores the next is asked for", async () => {
  await using site = await siteWith(
    `
@spoolraw
def picky(env):
    note("python " + env["n"])
    return uwsgi.SPOOL_IGNORE if env["n"] == "2" else uwsgi.SPOOL_OK
`,
    "spooler-task = name=shell echo from the shell",
    'spooler-task = echo "the rest: $SPOOLER_FUNC $SPOOL_N"',
  );
  await using program = await site.start();
  await pushTo(site, "ud_spool_func=shell");
  await pushTo(site, "ud_spool_func=picky", "n=1");
  await pushTo(site, "ud_spool_func=picky", "n=2");
  await program.line(/shell\| from the shell/);
  await program.line(/picky\| the rest: picky 2/);
  await until(() => ledgerOf(site).length >= 2, "the function does not run");
  assertEquals([...new Set(ledgerOf(site))], ["python 1", "python 2"]);
});

test("a pickled packet from a stranger is refused, a plain one runs", async () => {
  await using site = await siteWith(
    `
@spool(pass_arguments=True)
def passed(*args, **kwargs):
    note("passed %r %r" % (args, kwargs))
@spool
def task(env):
    note("task")
`,
    "socket = 127.0.0.1:0",
  );
  await using program = await site.start();
  const address = /127\.0\.0\.1:\d+$/.exec(await program.line(/ socket 127\.0\.0\.1:\d+$/))?.[0];
  const pickled = ["ud_spool_func=passed", "args=(I1\nt.", "kwargs=(d."];
  const refused = await spooler(["push", "--to", address ?? "", ...pickled]);
  assert(refused.code !== 0);
  await program.line(/"args" holds a pickle, .*spooler-pickle = trusted$/);
  assertEquals((await spooler(["push", "--to", address ?? "", "ud_spool_func=task"])).code, 0);
  await until(() => ledgerOf(site).length === 1, "the task does not run");
  assertEquals((await pushTo(site, ...pickled)).code, 0, "who writes files is trusted");
  await until(() => ledgerOf(site).length === 2, "the pickled task does not run");
  assertEquals(ledgerOf(site), ["task", "passed (1,) {}"]);
});

test("a timer ticks once a spool, not once a worker, and is a job like others", async () => {
  await using site = await siteWith(
    `
@timer(1)
def tick(number):
    note("tick")
@cron(0, 3, -1, -1, -1)
def nightly(number):
    pass
`,
    "spooler-processes = 3",
  );
  await using program = await site.start();
  await until(() => ledgerOf(site).length >= 4, "the timer does not tick");
  await program.line(/nightly/);
  assertEquals(await program.stop(), 0);
  const started = program.log.match(/job tasks\/tick started/g)?.length;
  assertEquals(ledgerOf(site).length, started, program.log);
});

test("uwsgi.lock keeps the workers of a spool apart", async () => {
  await using site = await siteWith(
    `
COUNT = "count"
@spool
def add(env):
    uwsgi.lock()
    try:
        count = int(open(COUNT).read()) if os.path.exists(COUNT) else 0
        time.sleep(0.01)
        open(COUNT, "w").write(str(count + 1))
    finally:
        uwsgi.unlock()
    note("added")
`,
    "spooler-processes = 3",
  );
  for (let n = 0; n < 30; n++) await pushTo(site, "ud_spool_func=add");
  await using program = await site.start();
  await until(() => ledgerOf(site).length === 30, "not all have run");
  assertEquals(Deno.readTextFileSync(join(site.dir, "count")), "30");
  assertEquals(await program.stop(), 0);
});

test("a forked child that outlives its worker spools by the same rules", async () => {
  await using site = await siteWith(
    `
def attempt(what):
    try:
        path = what()
        note("there" if os.path.exists(path) else "missing")
        note(os.fsdecode(path))
    except ValueError as error:
        note(str(error))
def put(**more):
    task = {"ud_spool_func": "never", "at": "4102444800", **more}
    return uwsgi.spool({key.encode(): value.encode() for key, value in task.items()})
@spool
def forks(env):
    worker = os.getpid()
    reading, writing = os.pipe()
    if os.fork():
        os.read(reading, 1)
        return uwsgi.SPOOL_OK
    os.setsid()
    os.write(writing, b"x")
    while os.getppid() == worker:
        time.sleep(0.01)
    attempt(lambda: put(body="x" * 100000))
    attempt(lambda: put(priority="5"))
    attempt(lambda: put(spooler=os.path.abspath("other")))
    attempt(lambda: put(spooler="/nowhere"))
    attempt(lambda: put())
    attempt(lambda: uwsgi.lock())
    note("end")
`,
    ...["spooler-max-tasks = 1", "spooler-max-files = 2", "spooler-external = other"],
  );
  await using program = await site.start();
  await pushTo(site, "ud_spool_func=forks");
  await until(() => ledgerOf(site).includes("end"), "the child has come to its end");
  const told = ledgerOf(site).map((line) => line.replace(/uwsgi_spoolfile_on_.*/, "NAME"));
  assertEquals(told, [
    ...["there", `${site.spool}/NAME`],
    ...["there", `${site.spool}/5/NAME`],
    ...["there", `${site.dir}/other/NAME`],
    'unable to spool job: no such spooler: "/nowhere"',
    "unable to spool job: it holds 2 tasks (spooler-max-files)",
    "uwsgi: lock: a forked child can hold no lock: the task can",
    "end",
  ]);
  assertEquals(await program.stop(), 0);
});

test("a virtual environment's Python and pythonpath are used", async () => {
  await using site = await siteWith(
    `
import place
@spool
def where(env):
    note("%s %s %s" % (os.path.basename(sys.prefix), place.name, os.getcwd()))
`,
    "virtualenv = env",
    "pythonpath = lib",
    "spooler-chdir = work",
    "import = beside",
  );
  const made = await new Deno.Command("python3", {
    args: ["-m", "venv", "--without-pip", join(site.dir, "env")],
  }).output();
  assert(made.success, new TextDecoder().decode(made.stderr));
  for (const dir of ["lib", "work"]) await Deno.mkdir(join(site.dir, dir));
  await Deno.writeTextFile(join(site.dir, "lib", "place.py"), "name = 'lib'\n");
  await Deno.writeTextFile(join(site.dir, "beside.py"), "import place\n");
  await pushTo(site, "ud_spool_func=where");
  await using program = await site.start();
  await until(() => ledgerOf(site).length === 1, "the task does not run");
  assertEquals(ledgerOf(site), [`env lib ${join(site.dir, "work")}`]);
  assertEquals(await program.stop(), 0);
});

test("when the program is killed its workers end; what was made for them goes with the next start", async () => {
  await using site = await siteWith(`
@spool
def where(env):
    note("%d %s" % (os.getpid(), uwsgi.__file__))
`);
  await pushTo(site, "ud_spool_func=where");
  await using program = await site.start();
  await until(() => ledgerOf(site).length === 1, "the task does not run");
  const [pid = "", file = ""] = (ledgerOf(site)[0] ?? "").split(" ");
  assert(isRunning(Number(pid)));
  await program.kill();
  await until(() => !isRunning(Number(pid)), "the worker stays");
  const made = dirname(dirname(file));
  // A start leaves alone what is younger than a minute.
  await Deno.utime(join(made, "lock"), 1, 1);
  await using _next = await site.start();
  await until(() => !exists(made), "its files stay");
});

test("a task that prints without end slows down itself, and fills no memory", async () => {
  await using site = await siteWith(
    `
@spool
def chatter(env):
    note("begun")
    while True:
        print("x" * 100000)
@spool
def task(env):
    note("task")
`,
    "spooler-processes = 2",
    "spooler-harakiri = 3",
  );
  await using program = await site.start();
  await pushTo(site, "ud_spool_func=chatter");
  await until(() => ledgerOf(site).length === 1, "the chatter does not begin");
  await pushTo(site, "ud_spool_func=task");
  await until(() => ledgerOf(site).includes("task"), "the other task waits");
  await program.line(/chatter .*harakiri/);
  const status = Deno.readTextFileSync(`/proc/${program.pid}/status`);
  const peakMiB = Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) / 1024;
  assert(peakMiB < 500, `${peakMiB} MiB`);
});

test("of a flood the log has a part and the number of the rest, and other tasks have theirs", async () => {
  await using site = await siteWith(
    `
@spool
def flood(env):
    for n in range(200000):
        print("line", n)
@spool
def task(env):
    print("from the other task")
`,
    "spooler-processes = 2",
  );
  await using program = await site.start();
  await pushTo(site, "ud_spool_func=flood");
  await program.line(/flood\| line 0$/);
  await pushTo(site, "ud_spool_func=task");
  await program.line(/task\| from the other task/);
  await program.line(/flood \S+ done/);
  const logged = program.log.split("\n").filter((line) => /flood\| line \d+$/.test(line));
  const dropped = [...program.log.matchAll(/flood\b.*?(\d+) more lines/g)].map(([, lines]) =>
    Number(lines)
  );
  const all = dropped.reduce((sum, lines) => sum + lines, logged.length);
  assertEquals(all, 200_000);
  assert(logged.length < 20_000, `${logged.length} lines`);
});

test("task code sends packets to sockets, and changes its spool's frequency", async () => {
  await using site = await siteWith(
    `
@spool
def sends(env):
    note("accepted %s" % uwsgi.send_message("in.sock", 17, 0, {"ud_spool_func": "sent", "n": "1"}))
    refused = uwsgi.send_message("in.sock", 17, 0, {"ud_spool_func": "sent", "priority": "../x"})
    note("refused %s" % (not refused))
    note("ping %r" % uwsgi.send_message("in.sock", 100, 0))
@spool
def sent(env):
    note("sent " + env["n"])
@spoolraw
def patient(env):
    if runs(env) == 1:
        uwsgi.set_spooler_frequency(1)
        return uwsgi.SPOOL_RETRY
    note("again")
    return uwsgi.SPOOL_OK
`,
    "spooler-frequency = 3600",
    "socket = in.sock",
  );
  await using program = await site.start();
  await pushTo(site, "ud_spool_func=sends");
  await pushTo(site, "ud_spool_func=patient");
  await until(() => ledgerOf(site).length === 5, "not all have run");
  assertEquals(ledgerOf(site).toSorted(), [
    "accepted True",
    "again",
    "ping b'd\\x00\\x00\\x01'",
    "refused True",
    "sent 1",
  ]);
  assertEquals(await program.stop(), 0);
});

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}
