/** Task code that raises what cannot be printed, or changes what the worker stands on. */

import { join } from "@std/path";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { testWith } from "../support/require.ts";
import { ScriptedMaster } from "../support/scripted_master.ts";

/** Each raises in its own way; the answer must come, with one line. */
const RAISES: Readonly<Record<string, string>> = {
  str_raises: "class E(Exception):\n  def __str__(self): raise ValueError('no')\n",
  str_exits: "class E(Exception):\n  def __str__(self): raise SystemExit(3)\n",
  repr_raises: "class E(Exception):\n  def __repr__(self): raise KeyboardInterrupt\n",
  str_is_no_text: "class E(Exception):\n  def __str__(self): return 5\n",
  str_recurses: "class E(Exception):\n  def __str__(self): return str(self)\n",
  str_subclass:
    "class S(str):\n  def __getitem__(self, i): raise ValueError\n  def split(self): raise ValueError\n  def __str__(self): raise ValueError\nclass E(Exception):\n  def __str__(self): return S('text')\n",
  surrogates: "class E(Exception):\n  def __str__(self): return '\\udcff \\n two'\n",
  base: "class E(BaseException): pass\n",
  generator_exit: "E = GeneratorExit\n",
  exits: "E = SystemExit\n",
  name_raises:
    "class M(type):\n  @property\n  def __name__(self): raise ValueError\nclass E(Exception, metaclass=M): pass\n",
  class_raises:
    "class E(Exception):\n  @property\n  def __class__(self): raise ValueError('no class')\n",
  traceback_raises:
    "class E(Exception):\n  def __setattr__(self, n, v): raise ValueError\n  @property\n  def __traceback__(self): raise ValueError\n",
  cause_raises:
    "class E(Exception):\n  @property\n  def __cause__(self): raise SystemExit\n  @property\n  def __context__(self): raise SystemExit\n",
};

testWith("python", "whatever is raised becomes one line, and the worker goes on", async () => {
  await using master = await ScriptedMaster.python(`
from uwsgidecorators import spoolraw
@spoolraw
def task(env):
    scope = {}
    exec(env["code"], scope)
    raise scope["E"]
@spoolraw
def fine(env):
    return -2
`);
  const reasons: Record<string, string> = {};
  for (const [name, code] of Object.entries(RAISES)) {
    const { kind, reason } = await master.run("task", { code });
    assertEquals(kind, "failed", name);
    assert(!reason.includes("\n") && reason !== "", name);
    reasons[name] = reason;
    assertEquals((await master.run("fine")).kind, "done", name);
  }
  assertEquals(reasons["str_exits"], "E: (its message cannot be had)");
  assertEquals(reasons["str_subclass"], "E: text");
  assertEquals(reasons["name_raises"], "E");
});

/** What a task leaves behind, and what the next one must not feel. */
const CHANGES = [
  "import builtins, sys\nfor n in ('len', 'isinstance', 'getattr', 'dict', 'bytes', 'str', 'int'): setattr(builtins, n, None)",
  "import time\ntime.time = lambda: 0\ntime.perf_counter = None\ntime.clock_gettime = None",
  "import os\nfor n in ('open', 'fstat', 'stat', 'read', 'pread', 'unlink', 'close', 'fsencode', 'lseek'): setattr(os, n, None)",
  "import fcntl, struct, json, stat\nfcntl.lockf = struct.pack = struct.unpack_from = json.loads = stat.S_ISREG = None",
  "import json, threading, select, socket\njson.JSONEncoder.encode = json.JSONDecoder.decode = threading.get_ident = select.poll = socket.socket = None",
  "import sys, io\nsys.stdout = io.StringIO()\nsys.stderr = None",
  "import sys\nsys.stdout.close()\ndel sys.stderr",
  "import sys\nsys.excepthook = None\nraise ValueError('after')",
  "import sys, traceback\nsys.excepthook = lambda *_: sys.exit(5)\ntraceback.print_exception = traceback.format_exception = None\nraise ValueError('after')",
  "import uwsgi\nuwsgi.SPOOL_OK = 77\nuwsgi.Permanent = 5",
  "import signal, os\nsignal.alarm(1)",
  "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nsignal.signal(signal.SIGPIPE, signal.SIG_DFL)\nsignal.signal(signal.SIGINT, lambda *_: 1 / 0)",
  "import gc, sys\ngc.disable()\nsys.setrecursionlimit(150)",
  "import sys\nsys.modules.clear()",
];

testWith("python", "a task that changes globals harms no worker", async () => {
  for (const code of CHANGES) {
    await using master = await ScriptedMaster.python(`
import time, uwsgi
sleep, run = time.sleep, exec
def spooler(env):
    # No built-in function here: some tasks take them away from task code.
    return functions[env[b"ud_spool_func"]](env)
def change(env):
    run(env[b"code"])
    return -2
def next(env):
    if b"sleep" in env: sleep(1.2)
    return -2
functions = {b"change": change, b"next": next}
uwsgi.spooler = spooler
`);
    const changed = await master.run("change", { code });
    assert(["done", "failed"].includes(changed.kind), code);
    for (let n = 0; n < 3; n++) {
      const vars = code.includes("alarm") && n === 0 ? { sleep: "" } : {};
      const answer = await master.run("next", vars);
      assertEquals(answer.kind, "done", `${code}\n${answer.reason}\n${answer.stderr}`);
    }
  }
});

testWith(
  "python",
  "what the next task prints is logged, whatever was done to sys.stdout",
  async () => {
    await using master = await ScriptedMaster.python(`
import sys, io
from uwsgidecorators import spoolraw
@spoolraw
def change(env):
    sys.stdout = sys.stderr = io.StringIO()
    print("unheard")
    return -2
@spoolraw
def next(env):
    print("heard")
    return -2
`);
    await master.run("change");
    await master.run("next");
    assertEquals(master.lines(), ["heard"]);
  },
);

testWith("python", "a file that is huge is no task, or fails without being read", async () => {
  await using master = await ScriptedMaster.python(`
import re
from uwsgidecorators import spoolraw
@spoolraw
def size(env):
    peak = re.search(r"VmHWM:\\s*(\\d+)", open("/proc/self/status").read())
    print(len(env.get("body", "")), int(peak[1]) // 1024)
    return -2
`);
  // NULs are no packet: 4 bytes and their packet are read, not 100 GB.
  const nuls = master.putFile(new Uint8Array());
  Deno.truncateSync(join(master.spool, nuls), 100 * 2 ** 30);
  master.give(nuls);
  assertEquals((await master.answers(1)).map(({ kind }) => kind), ["inspect"]);

  const sparse = master.put({ ud_spool_func: "size" });
  Deno.truncateSync(join(master.spool, sparse), 100 * 2 ** 30);
  master.give(sparse);
  const [refused] = await master.answers(1);
  assertEquals(refused?.kind, "permanent");
  assertMatch(refused?.reason ?? "", /^it has \d+ bytes, and task code gets 1073741824 at most$/);

  const body = master.put({ ud_spool_func: "size" });
  Deno.truncateSync(join(master.spool, body), 100 * 2 ** 20);
  master.give(body);
  assertEquals((await master.answers(1)).map(({ kind }) => kind), ["done"]);
  const [length, megabytes] = (master.lines()[0] ?? "").split(" ").map(Number);
  assert((length ?? 0) > 100 * 2 ** 20 - 1000, `${length}`);
  assert((megabytes ?? 1000) < 250, `${megabytes} MB`);
});

testWith(
  "python",
  "a flood of lines is cut in the worker, counted, and costs the next task none",
  async () => {
    await using master = await ScriptedMaster.python(`
import time
from uwsgidecorators import spool
@spool
def flood(env):
    for n in range(100000):
        print("line", n)
@spool
def quiet(env):
    for n in range(100):
        print("line", n)
`);
    for (
      const [func, printed, most] of [["flood", 100_000, 50_000], ["quiet", 100, 100]] as const
    ) {
      assertEquals((await master.run(func)).kind, "done");
      const { lines, dropped } = master.output();
      assertEquals(lines.length + dropped, printed);
      assert(lines.length <= most, `${lines.length} lines`);
      assertEquals(lines[0], "line 0");
    }
  },
);
