/** Task code that does what it should not: what becomes of the task, and that nothing is lost. */

import { join } from "@std/path";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { platform } from "../support/platform.ts";
import { testWith } from "../support/require.ts";
import { ScriptedMaster } from "../support/scripted_master.ts";

/** Runs a task that ends its worker; its file must be there, free to be claimed. */
async function dies(code: string): Promise<{ code: number; signal: string | null }> {
  await using master = await ScriptedMaster.python(`
import os, signal, sys, ctypes
from uwsgidecorators import spool
@spool
def before(env):
    pass
@spool
def deadly(env):
    print("last words")
${code}
`);
  const before = master.put({ ud_spool_func: "before" });
  const deadly = master.put({ ud_spool_func: "deadly" });
  const after = master.put({ ud_spool_func: "before" });
  master.give(before, deadly, after);
  const { code: exit, signal } = await master.child.status;
  await master.ended();
  assertEquals(master.lines(), ["last words"]);
  assertEquals([before, deadly, after].map((task) => master.exists(task)), [false, true, true]);
  const claim = platform.claims.claim(join(master.spool, deadly), Date.now());
  assertEquals(claim.kind, "claimed");
  if (claim.kind === "claimed") claim.release();
  return { code: exit, signal };
}

testWith("libc", "os._exit ends the worker; its task is there to be run again", async () => {
  assertEquals((await dies("    os._exit(3)")).code, 3);
});

testWith("libc", "a task that kills its worker is there to be run again", async () => {
  assertEquals((await dies("    os.kill(os.getpid(), signal.SIGKILL)")).signal, "SIGKILL");
});

testWith("libc", "a crash in C code leaves the Python trace on stderr", async () => {
  await using master = await ScriptedMaster.python(`
import ctypes
from uwsgidecorators import spool
@spool
def crash(env):
    ctypes.string_at(0)
`);
  master.give(master.put({ ud_spool_func: "crash" }));
  assertEquals((await master.child.status).signal, "SIGSEGV");
  await master.ended();
  assertMatch(master.piped, /Segmentation fault[\s\S]*tasks\.py.* in crash/);
});

testWith("python", "sys.exit in a task is a failure of that task", async () => {
  await using master = await ScriptedMaster.python(`
import sys
from uwsgidecorators import spool
@spool
def leaves(env):
    sys.exit(3)
@spool
def stays(env):
    raise KeyboardInterrupt
@spool
def odd(env):
    class Odd(BaseException):
        def __str__(self): raise ValueError("no text")
    raise Odd
`);
  const reasons = [];
  for (const func of ["leaves", "stays", "odd"]) {
    const { kind, reason } = await master.run(func);
    reasons.push(`${kind} ${reason}`);
  }
  assertEquals(reasons, [
    "failed SystemExit: 3",
    "failed KeyboardInterrupt",
    "failed Odd: (its message cannot be had)",
  ]);
});

testWith("python", "what cannot be called fails when it is to be called", async () => {
  await using master = await ScriptedMaster.python(`
import uwsgi, uwsgidecorators
@uwsgidecorators.spool
def task(env):
    pass
uwsgidecorators.spooler_functions["task"] = 5
`);
  const answer = await master.run("task");
  assertEquals([answer.kind, answer.reason], ["failed", "TypeError: 'int' object is not callable"]);
  await using other = await ScriptedMaster.python("import uwsgi\nuwsgi.spooler = 'no function'\n");
  assertEquals((await other.run("task")).reason, "TypeError: 'str' object is not callable");
});

testWith("python", "a gigabyte of prints is cut to lines that can be kept", async () => {
  await using master = await ScriptedMaster.python(`
import resource, sys
from uwsgidecorators import spool
@spool
def without_newlines(env):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(1024):
        sys.stdout.write("x" * 1024 * 1024)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print()
    print("small" if grown < 64 * 1024 else grown)
@spool
def many_lines(env):
    for n in range(20000):
        print("line", n)
    print("y" * 10000)
@spool
def bytes_and_text(env):
    sys.stdout.buffer.write(b"\\xff bytes\\n")
    sys.stdout.flush()
    print("no newline", end="")
    sys.stderr.write("to stderr\\n")
    print(sys.stdout.fileno(), sys.stderr.fileno(), sys.stdout.isatty(), sys.stdout.encoding,
        file=sys.stderr)
`);
  assertEquals((await master.run("without_newlines")).kind, "done");
  const [long, small] = master.lines();
  assertEquals(long, "x".repeat(4096) + " …");
  assertEquals(small, "small");
  assertEquals((await master.run("many_lines")).kind, "done");
  const lines = master.lines();
  assertEquals(lines.slice(0, 20000), Array.from({ length: 20000 }, (_, n) => `line ${n}`));
  assertEquals(lines.at(-1), "y".repeat(4096) + " …");
  assertEquals((await master.run("bytes_and_text")).kind, "done");
  const told = master.printed().map(({ stream, line, func }) => [stream, line, func]);
  assertEquals(told, [
    ["stdout", "\ufffd bytes", "bytes_and_text"],
    ["stderr", "to stderr", "bytes_and_text"],
    ["stderr", "1 2 False utf-8", "bytes_and_text"],
    ["stdout", "no newline", "bytes_and_text"],
  ]);
});

testWith("python", "what is printed is text in UTF-8 whatever the locale", async () => {
  const code = "import uwsgi\ndef spooler(env): print('ä \\udc80')\nuwsgi.spooler = spooler\n";
  const env = { LC_ALL: "C", PYTHONUTF8: "0", PYTHONCOERCECLOCALE: "0" };
  await using master = await ScriptedMaster.python(code, { env });
  assertEquals((await master.run("any")).kind, "done");
  assertEquals(master.lines(), ["ä \\udc80"]);
});

testWith("python", "only the end of a long trace is kept with a failure", async () => {
  await using master = await ScriptedMaster.python(`
import sys
from uwsgidecorators import spool
@spool
def noisy(env):
    for n in range(10000):
        print("noise", n, file=sys.stderr)
    raise ValueError("at the end")
`);
  const { stderr, reason } = await master.run("noisy");
  assert(stderr.length <= 4096);
  assert(stderr.endsWith("ValueError: at the end\n"));
  assert(stderr.includes("noise 9999"));
  assertEquals(reason, "ValueError: at the end");
});

testWith(
  "libc",
  "closing the descriptors 0 to 9 harms neither lock, answers nor output",
  async () => {
    await using master = await ScriptedMaster.python(`
import os, subprocess, sys
from uwsgidecorators import spool
@spool
def closes(env):
    os.closerange(0, 10)
    print("still heard")
    task = env["dir"] + "/" + env["spooler_task_name"]
    code = "import fcntl, sys; fcntl.lockf(open(sys.argv[1], 'r+'), 6)"
    locked = subprocess.run([sys.executable, "-c", code, task], stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
    print("locked" if locked else "free")
@spool
def after(env):
    for fd in range(10):
        os.fstat(fd)
    os.system("echo through the pipe")
`);
    const tasks = ["closes", "after", "closes", "after"].map((func) =>
      master.put({ ud_spool_func: func, dir: master.spool })
    );
    master.give(...tasks);
    const answers = await master.answers(4);
    assertEquals(answers.map(({ kind, stderr }) => kind + stderr), [
      "done",
      "done",
      "done",
      "done",
    ]);
    assertEquals(master.lines(), ["still heard", "locked", "still heard", "locked"]);
    assertEquals(await master.stop(), 0);
    await master.ended();
    assertEquals(master.piped, "through the pipe\nthrough the pipe\n");
  },
);

testWith("libc", "closing all descriptors ends the worker, not the task", async () => {
  await using master = await ScriptedMaster.python(`
import os
from uwsgidecorators import spool
@spool
def closes(env):
    os.closerange(0, 1000)
`);
  const task = master.put({ ud_spool_func: "closes" });
  master.give(task);
  assertEquals((await master.child.status).code, 1);
  const claim = platform.claims.claim(join(master.spool, task), Date.now());
  // The function has done its work: the file is gone, as when it is told.
  assertEquals(claim.kind, "gone");
});

testWith(
  "python",
  "a handler for SIGTERM keeps the worker; stop ends it all the same",
  async () => {
    await using master = await ScriptedMaster.python(`
import os, signal
from uwsgidecorators import spool
signal.signal(signal.SIGTERM, lambda *_: print("not me"))
@spool
def task(env):
    os.kill(os.getpid(), signal.SIGTERM)
    print("goes on")
`);
    assertEquals((await master.run("task")).kind, "done");
    assertEquals(master.lines(), ["not me", "goes on"]);
    assertEquals(await master.stop(), 0);
  },
);

testWith("python", "a handler that raises in the middle of a message garbles none", async () => {
  await using master = await ScriptedMaster.python(
    `
import signal, uwsgi
from uwsgidecorators import spoolraw
class TooLong(Exception):
    pass
def raise_it(*_):
    raise TooLong
signal.signal(signal.SIGALRM, raise_it)
@spoolraw
def interrupted(env):
    hits = 0
    for n in range(300):
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.0001 + n % 10 * 0.0001)
            while True:
                print("z" * 3000)
                uwsgi.spool({b"a": b"b" * 3000})
        except TooLong:
            hits += 1
    signal.setitimer(signal.ITIMER_REAL, 0)
    return uwsgi.SPOOL_OK if hits == 300 else hits
`,
    { onCall: () => "NAME" },
  );
  const answer = await master.run("interrupted");
  assertEquals(answer.kind, "done", `${answer.reason} ${answer.stderr}`);
});

testWith("python", "threads print and spool while a task runs", async () => {
  let calls = 0;
  await using master = await ScriptedMaster.python(
    `
import threading, uwsgi
from uwsgidecorators import spool, thread
@thread
def busy(done):
    for n in range(200):
        assert uwsgi.spool({b"n": b"%d" % n}).endswith(b"/T")
        print("t", n)
    done.set()
@spool
def task(env):
    events = [threading.Event() for _ in range(4)]
    for event in events:
        busy(event)
    for n in range(200):
        uwsgi.spool({b"n": b"%d" % n})
    for event in events:
        assert event.wait(30)
@spool
def background(env):
    event = threading.Event()
    busy(event)
    @thread
    def tell():
        event.wait()
        print("all told")
    tell()
`,
    {
      onCall: () => {
        calls++;
        return "T";
      },
    },
  );
  const answer = await master.run("task");
  assertEquals(answer.kind, "done", answer.stderr);
  assertEquals(calls, 1000);
  assertEquals(master.lines().length, 800);
  assertEquals((await master.run("background")).kind, "done");
  const lines: string[] = [];
  while (!lines.includes("all told")) lines.push(...(await master.hears("output")).lines);
  assertEquals(calls, 1200);
});

testWith("python", "a module that cannot be loaded says why", async () => {
  const failures: Record<string, string> = {};
  for (
    const code of [
      "import sys; sys.exit(3)",
      "import sys; sys.exit()",
      "1 / 0",
      "def broken(:",
      "import no_such_module",
      "class Evil(BaseException):\n  def __str__(self): raise SystemExit\nraise Evil",
      "class Code:\n  def __repr__(self): raise SystemExit\nimport sys; sys.exit(Code())",
      "from uwsgidecorators import spool\nspool(5)",
      "raise KeyboardInterrupt",
    ]
  ) {
    await using master = await ScriptedMaster.python(`print('begun')\n${code}`, { loads: false });
    const { message, trace, files } = await master.hears("load-failed");
    failures[code] = message;
    assert(trace.length > 0);
    assert(trace.every((line) => !line.includes("_spooler")), trace.join("\n"));
    assertEquals(files, [join(master.dir, "tasks.py")]);
    assertEquals((await master.child.status).code, 1);
  }
  const texts = Object.values(failures).map((text) => text.replace(/\/\S*\/(?=tasks\.py)/g, ""));
  assertEquals(texts.slice(0, 3), [
    "import tasks.py: it called sys.exit(3)",
    "import tasks.py: it called sys.exit()",
    "import tasks.py: ZeroDivisionError: division by zero",
  ]);
  assertMatch(texts[3] ?? "", /^import tasks\.py: SyntaxError: invalid syntax.*tasks\.py, line 2/);
  assertEquals(texts.slice(4), [
    "import tasks.py: ModuleNotFoundError: No module named 'no_such_module'",
    "import tasks.py: Evil: (its message cannot be had)",
    "import tasks.py: it called sys.exit(…)",
    "import tasks.py: AttributeError: 'int' object has no attribute '__name__'",
    "import tasks.py: KeyboardInterrupt",
  ]);
});

testWith("python", "an import that never returns answers nothing and can be killed", async () => {
  await using master = await ScriptedMaster.python("print('begun')\nwhile True: pass\n", {
    loads: false,
  });
  await master.hears("hello");
  assertEquals((await master.hears("output")).lines, ["begun"]);
  master.child.kill("SIGKILL");
  assertEquals((await master.child.status).signal, "SIGKILL");
});
