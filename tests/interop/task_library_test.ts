/**
 * A task library that takes over `uwsgi.spooler`, as uwsgi-tasks does, under the real uWSGI and under
 * the program: the same code must come to the same, each alone and both on one spool. The library below
 * makes the same calls of uWSGI's API as uwsgi-tasks, in words of its own.
 */

import { join } from "@std/path";
import { assert, assertEquals } from "../support/assert.ts";
import { ledgerLines } from "../support/ledger.ts";
import { Program } from "../support/program.ts";
import { PythonClient } from "../support/python_client.ts";
import { testWith } from "../support/require.ts";
import { tempDir } from "../support/temp.ts";
import { until } from "../support/until.ts";

const LIBRARY = `
import calendar, importlib, inspect, pickle, threading
from datetime import datetime, timedelta
import uwsgi

if uwsgi.masterpid() == 0:
    raise RuntimeError("it needs a master")

AUTO, SPOOLER, MULE, RUNTIME = 1, 2, 3, 4
TOO_LONG = 64 * 1024

class Again(Exception):
    def __init__(self, count=None, timeout=None):
        self.count, self.timeout = count, timeout

def find(path):
    module, _, name = path.rpartition(".")
    found = getattr(importlib.import_module(module), name)
    return getattr(found, "function", found)

class Buffer(dict):
    """Lives in what is pickled with the task."""
    def __init__(self, setup):
        super().__init__(setup.get("buffer", {}))
        setup["buffer"] = self
    def __reduce__(self):
        return dict, (dict(self),)

class Run:
    def __init__(self, path, args, kwargs, setup):
        self.path, self.args, self.kwargs, self.setup = path, args, kwargs, setup
        self.buffer = Buffer(setup)

    def __call__(self, *args, **kwargs):
        self.args, self.kwargs = args, kwargs
        return self.spooled()

    def now(self):
        function = find(self.path)
        function.current = self
        return function(*self.args, **self.kwargs)

    def spooled(self):
        message = {"function_name": self.path}
        message["setup"] = pickle.dumps(self.setup)
        for key in ("spooler", "priority", "at"):
            if key in self.setup:
                message[key] = self.setup[key]
        at = message.get("at")
        if isinstance(at, timedelta):
            at = datetime.utcnow() + at
        if isinstance(at, datetime):
            message["at"] = str(calendar.timegm(at.timetuple()))
        small = dict(message, args=pickle.dumps(self.args), kwargs=pickle.dumps(self.kwargs))
        if len(repr(small)) < TOO_LONG:
            message = small
        else:
            message["body"] = pickle.dumps({"args": self.args, "kwargs": self.kwargs})
        def plain(value):
            return value.encode() if isinstance(value, str) else value
        return uwsgi.spool({plain(key): plain(value) for key, value in message.items()})

def manage(env):
    message = {key.decode() if isinstance(key, bytes) else key: value for key, value in env.items()}
    if "function_name" not in message:
        return None
    if "body" in message:
        given = pickle.loads(message["body"])
    else:
        given = {key: pickle.loads(message[key]) for key in ("args", "kwargs")}
    run = Run(message["function_name"].decode(), given["args"], given["kwargs"],
              pickle.loads(message["setup"]))
    try:
        result = run.now()
    except Again as again:
        return retry(run, again)
    if run.setup.get("spooler_return"):
        return result
    return retry(run, Again()) if result == uwsgi.SPOOL_RETRY else uwsgi.SPOOL_OK

def retry(run, again):
    left = again.count or run.setup.get("retry_count", 0)
    if left > 1:
        run.setup["retry_count"] = left - 1
        run.setup["at"] = timedelta(seconds=again.timeout or run.setup.get("retry_timeout") or 0)
        run.spooled()
    return uwsgi.SPOOL_OK

uwsgi.spooler = manage
uwsgi.mule_msg_hook = lambda message: None

class Task:
    def __init__(self, function, executor=AUTO, **setup):
        self.function, self.executor, self.setup = function, executor, setup
        self.path = function.__module__ + "." + function.__name__
        self.extra = {}

    def add_setup(self, **extra):
        self.extra = extra
        return self

    def __call__(self, *args, **kwargs):
        run = Run(self.path, args, kwargs, {**self.setup, **self.extra})
        self.extra = {}
        if self.executor in (AUTO, MULE) and ("mule" in uwsgi.opt or "mules" in uwsgi.opt):
            raise RuntimeError("this test has no mules")
        if self.executor in (AUTO, SPOOLER, MULE) and "spooler" in uwsgi.opt:
            return run.spooled()
        return run.now()

def task(*args, **setup):
    if args:
        return Task(args[0])
    return lambda function: Task(function, **setup)

def current():
    frame = inspect.currentframe().f_back
    return frame.f_globals[frame.f_code.co_name].function.current

def free_signal():
    for number in range(256):
        if not uwsgi.signal_registered(number):
            return number

def on_signal(register):
    def decorate(function):
        number = free_signal()
        uwsgi.register_signal(number, "spooler" if "spooler" in uwsgi.opt else "", function)
        register(number)
        return function
    return decorate

def once(function):
    return on_signal(lambda number: uwsgi.add_rb_timer(number, 0, 1))(function)

def every(seconds):
    return on_signal(lambda number: uwsgi.add_timer(number, seconds))

def cron(*fields):
    return on_signal(lambda number: uwsgi.add_cron(number, *fields))
`;

/** Every task is noted with how it came out. */
const WORK = `
import functools, os
from library import *

def note(*words):
    with open(os.environ["LEDGER"], "a") as ledger:
        ledger.write(" ".join(map(str, words)) + "\\n")

@task
def plain(a, b=None):
    note("plain", a, b)

@task(executor=SPOOLER, priority="3", anything=[1, 2])
def prior(value):
    note("prior", value, sorted(current().setup))

@task
def large(text):
    note("large", len(text))

@task(retry_count=3)
def again():
    mine = current()
    mine.buffer["runs"] = mine.buffer.get("runs", 0) + 1
    note("again", mine.buffer["runs"])
    raise Again(timeout=1)

def guarded(function):
    @functools.wraps(function)
    def inner(*args, **kwargs):
        try:
            function(*args, **kwargs)
        except ValueError as error:
            note("guarded", error)
            return uwsgi.SPOOL_RETRY
        return uwsgi.SPOOL_OK
    return inner

@task(executor=SPOOLER, retry_count=3, retry_timeout=1)
@guarded
def unwilling(text):
    raise ValueError(text)

@task(executor=SPOOLER, at=timedelta(seconds=1))
def one_by_one(file=1):
    mine = current()
    mine.buffer.setdefault("removed", []).append(file)
    if file == 3:
        note("removed", *mine.buffer["removed"])
    else:
        mine(file + 1)

@task(executor=RUNTIME)
def at_once(value):
    note("at once", value)
    return value * 2

@task(executor=MULE)
def no_mule(value):
    note("no mule", value)

@task(spooler_return=True)
def returning(value):
    note("returning", value)
    return uwsgi.SPOOL_OK

@task
def outer():
    plain("inner")
    note("outer")

@task
def later():
    note("later")

@task
def failing():
    note("failing")
    raise KeyError("as it should")

def kickoff(number):
    note("options", "spooler" in uwsgi.opt, "mules" in uwsgi.opt)
    plain(1, b={"x": (1, 2)})
    plain("größer", b=None)
    prior("first")
    large("x" * 70000)
    again()
    unwilling("no")
    one_by_one()
    note("result", at_once(21))
    no_mule("m")
    returning("r")
    outer()
    later.add_setup(at=timedelta(seconds=2))()
    later.add_setup(at=datetime.utcnow() + timedelta(seconds=1))()
    try:
        uwsgi.spool({b"function_name": b"work.plain", b"args": ()})
    except Exception as error:
        note("refused", type(error).__name__, error)
    for n in range(COUNT):
        plain(n)

ticks = []
def tick(number):
    ticks.append(number)
    if len(ticks) == 2:
        note("tick")

if os.environ["PART"] in ("begins", "beside web"):
    every(1)(tick)
if os.environ["PART"] == "begins":
    once(kickoff)
`;

/** Whether its module begins it all, only works, or works for what a web process has begun. */
type Part = "begins" | "works" | "beside web";

async function start(by: "uwsgi" | "ours", part: Part, dir: string): Promise<Program> {
  const ini = join(dir, `${by}.ini`);
  const lines = [
    ...["[uwsgi]", "plugin = python3", "master = true", "die-on-term = true", "no-orphans = true"],
    ...["need-app = false", `socket = ${by}.sock`, "spooler = spool", "spooler-frequency = 1"],
    // Without it uWSGI does not read the directories of priorities.
    ...["spooler-ordered = true", "pythonpath = %d", "import = work"],
  ];
  await Deno.writeTextFile(ini, `${lines.join("\n")}\n`);
  const options = { cwd: dir, env: { LEDGER: join(dir, "ledger"), PART: part } };
  return by === "uwsgi"
    ? Program.launch("uwsgi", ["--ini", ini], options)
    : await Program.start(["--ini", ini], { ...options, begun: / loaded \(python/ });
}

async function makeSite(dir: string, count: number): Promise<void> {
  await Deno.mkdir(join(dir, "spool"), { recursive: true });
  await Deno.writeTextFile(join(dir, "library.py"), LIBRARY);
  await Deno.writeTextFile(join(dir, "work.py"), WORK.replace("COUNT", String(count)));
}

/** What is in the ledger when all is done, in one order. */
async function everything(dir: string, count: number, ...programs: Program[]): Promise<string[]> {
  const ledger = join(dir, "ledger");
  const wanted = [
    "again 3",
    "removed 1 2 3",
    "tick",
    "no mule",
    "large",
    "prior",
    "outer",
    "plain inner",
    "returning",
    ...Array.from({ length: count }, (_, n) => `plain ${n} `),
  ];
  try {
    await until(() => {
      const lines = ledgerLines(ledger);
      const times = (text: string) => lines.filter((line) => line === text).length;
      return times("later") >= 2 && times("guarded no") >= 3 &&
        wanted.every((start) => lines.some((line) => line.startsWith(start)));
    }, "everything to be done");
  } catch (error) {
    const logs = programs.map(({ log }) => log).join("\n");
    throw new Error(`${error}\n${ledgerLines(ledger).join("\n")}\n${logs}`);
  }
  return ledgerLines(ledger).toSorted();
}

async function alone(by: "uwsgi" | "ours"): Promise<string[]> {
  await using temp = await tempDir();
  await makeSite(temp.path, 20);
  await using program = await start(by, "begins", temp.path);
  return await everything(temp.path, 20, program);
}

testWith("uwsgi", "a task library in the manner of uwsgi-tasks does the same in both", async () => {
  const [theirs, own] = [await alone("uwsgi"), await alone("ours")];
  assertEquals(own, theirs);
  assertEquals(own.length, 41);
});

testWith(
  "python",
  "in a web process such a library puts tasks, timers are the worker's",
  async () => {
    await using client = await PythonClient.make();
    const dir = client.temp.path;
    await makeSite(dir, 20);
    await using program = await start("ours", "beside web", dir);
    const env = { LEDGER: join(dir, "ledger"), PART: "web" };
    // Its timers and signals have no effect here.
    await client.run("import work; work.every(1)(work.tick); work.kickoff(0)", { env });
    const lines = await everything(dir, 20, program);
    assertEquals(lines.length, 41);
    assert(lines.includes("options True False"), lines.join("\n"));
  },
);

testWith(
  "uwsgi",
  "both run the tasks of such a library from one spool, each task once",
  async () => {
    await using temp = await tempDir();
    const count = 200;
    await makeSite(temp.path, count);
    await using own = await start("ours", "works", temp.path);
    await using uwsgi = await start("uwsgi", "begins", temp.path);
    const lines = await everything(temp.path, count, own, uwsgi);
    assertEquals(lines.length, count + 21);
    // What a retry remembers goes from one program to the other.
    assertEquals(lines.filter((line) => line.startsWith("again")), [
      "again 1",
      "again 2",
      "again 3",
    ]);
    assert(/task vm_|task \S+ done/.test(own.log), own.log);
  },
);
