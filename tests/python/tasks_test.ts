/** How a Python worker claims, runs and answers tasks. */

import { join } from "@std/path";
import { answersTo } from "../../src/worker/answered.ts";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { platform } from "../support/platform.ts";
import { makeGate } from "../support/processes.ts";
import { testWith } from "../support/require.ts";
import { ScriptedMaster } from "../support/scripted_master.ts";
import { until } from "../support/until.ts";

const EVALUATING = `
import uwsgi
from uwsgidecorators import spool, spoolraw, spoolforever
@spoolraw
def raw(env):
    return eval(env["returns"])
@spool
def once(env):
    return eval(env.get("returns", "None"))
@spoolforever
def forever(env):
    pass
@spool
def show(env):
    print(env)
@spool(pass_arguments=True)
def passed(*args, **kwargs):
    print(args, kwargs)
`;

function isLocked(master: ScriptedMaster, task: string): boolean {
  const look = platform.claims.peek(join(master.spool, task));
  if (look.kind !== "open") return false;
  look.close();
  return look.locked;
}

/** What becomes of a task whose function returns this, for each of the values. */
async function kindsOf(
  master: ScriptedMaster,
  values: readonly string[],
): Promise<Record<string, string>> {
  const kinds: Record<string, string> = {};
  for (const returns of values) kinds[returns] = (await master.run("raw", { returns })).kind;
  return kinds;
}

testWith("python", "what a function returns decides, as under uWSGI", async () => {
  await using master = await ScriptedMaster.python(EVALUATING);
  const values = [
    ...["-2", "-1", "0", "5", "None", "True", "False", "-2.0", "'-2'", "'x'", "1/0"],
    ...["[1]", "(1, 2)", "{}", "b'-2'", "float('nan')", "10**30", "object()", "-2.7", "' -2 '"],
    ...["'-2x'"],
    ...["uwsgi.SPOOL_OK", "uwsgi.SPOOL_RETRY", "uwsgi.SPOOL_IGNORE"],
  ];
  assertEquals(await kindsOf(master, values), {
    "-2": "done",
    "-1": "retry",
    "0": "ignored",
    "5": "retry",
    "None": "done",
    "True": "retry",
    "False": "ignored",
    // The decorators turn what they can into a number.
    "-2.0": "done",
    "'-2'": "done",
    // What it cannot turn into one is "any other value": again, and no failure.
    "'x'": "retry",
    "'-2x'": "retry",
    "[1]": "retry",
    "(1, 2)": "retry",
    "{}": "retry",
    "b'-2'": "done",
    "float('nan')": "retry",
    "10**30": "retry",
    "object()": "retry",
    "-2.7": "done",
    "' -2 '": "done",
    "1/0": "failed",
    "uwsgi.SPOOL_OK": "done",
    "uwsgi.SPOOL_RETRY": "retry",
    "uwsgi.SPOOL_IGNORE": "ignored",
  });
  const ret = { ud_spool_ret: "-2" };
  assertEquals((await master.run("once", { returns: "-1", ...ret })).kind, "done");
  assertEquals((await master.run("once", { returns: "1/0", ...ret })).kind, "failed");
  assertEquals((await master.run("forever", { ud_spool_ret: "-1" })).kind, "retry");
  assertEquals((await master.run("once", { ud_spool_ret: "0" })).kind, "ignored");
  const junk = await master.run("once", { ud_spool_ret: "junk" });
  assertEquals([junk.kind, junk.reason], ["retry", "it returned str, not a number"]);
});

testWith("python", "a callable of its own may return numbers only, or nothing", async () => {
  await using master = await ScriptedMaster.python(
    `
import uwsgi
def spooler(env):
    return eval(env[b"returns"])
uwsgi.spooler = spooler
`,
    { loads: false },
  );
  const { functions, catchAll } = await master.hears("loaded");
  assertEquals([functions, catchAll], [[], true]);
  const values = ["-2", "-1", "0", "5", "None", "True", "False", "-2.0", "b'-2'"];
  assertEquals(await kindsOf(master, values), {
    "-2": "done",
    "-1": "retry",
    "0": "ignored",
    "5": "retry",
    "None": "done",
    "True": "retry",
    "False": "ignored",
    "-2.0": "retry",
    "b'-2'": "retry",
  });
});

testWith("python", "uwsgi.spooler gets bytes, a function gets text, as under uWSGI", async () => {
  await using master = await ScriptedMaster.python(`
import uwsgi, uwsgidecorators
manage = uwsgi.spooler
def spooler(env):
    print({key: env[key] for key in env if key != "spooler_task_name"})
    assert list(env)[0] == "spooler_task_name" and type(env["spooler_task_name"]) is bytes
    return manage(env)
uwsgi.spooler = spooler
@uwsgidecorators.spool
def show(env):
    print({key: env[key] for key in env if key != "spooler_task_name"})
    assert type(env["spooler_task_name"]) is str
`);
  const vars = { colour: "röd", blob: Uint8Array.of(0xff, 0) };
  const answer = await master.run("show", vars, "bödy");
  assertEquals(answer.kind, "done", answer.stderr);
  assertEquals(master.lines(), [
    "{b'ud_spool_func': b'show', b'colour': b'r\\xc3\\xb6d', b'blob': b'\\xff\\x00', 'body': b'b\\xc3\\xb6dy'}",
    "{'ud_spool_func': 'show', 'colour': 'röd', 'blob': b'\\xff\\x00', 'body': 'bödy'}",
  ]);
});

testWith("python", "bodies of any size come whole", async () => {
  await using master = await ScriptedMaster.python(`
from uwsgidecorators import spoolraw
import hashlib
@spoolraw
def digest(env):
    body = env.get("body", "")
    print(len(body), body[-3:], "body" in env)
`);
  for (const size of [0, 1, 8000, 8192, 9000, 70_000, 3_000_000]) {
    assertEquals((await master.run("digest", {}, "B".repeat(size))).kind, "done");
    const [line] = master.lines();
    assertEquals(line, `${size} ${"B".repeat(Math.min(3, size))} ${size > 0 ? "True" : "False"}`);
  }
});

testWith(
  "python",
  "pickled arguments reach the function; pickles that do not load fail",
  async () => {
    await using master = await ScriptedMaster.python(EVALUATING);
    const pickle = (text: string) => new TextEncoder().encode(text);
    const args = pickle("(I1\nVtwo\nt.");
    const kwargs = pickle("(dVk\nI3\ns.");
    const answer = await master.run("passed", { args, kwargs, ud_spool_ret: "-2" });
    assertEquals(answer.kind, "done", answer.stderr);
    assertEquals(master.lines(), ["(1, 'two') {'k': 3}"]);
    const broken = await master.run("passed", { args: "junk", kwargs });
    assertEquals([broken.kind, broken.reason.split(":")[0]], ["failed", "UnpicklingError"]);
    const alone = await master.run("passed", { args });
    assertEquals(alone.kind, "done", "a key called args is one like others");
    const unknown = await master.run("passed", { args: pickle("cnowhere\nthing\n."), kwargs });
    assertMatch(unknown.reason, /^ModuleNotFoundError: No module named 'nowhere'/);
  },
);

testWith("python", "done and gone release, all else that ran is locked until release", async () => {
  await using master = await ScriptedMaster.python(EVALUATING);
  const done = master.put({ ud_spool_func: "once" });
  const retry = master.put({ ud_spool_func: "raw", returns: "-1" });
  const failed = master.put({ ud_spool_func: "raw", returns: "1/0" });
  const ignored = master.put({ ud_spool_func: "raw", returns: "0" });
  const unknown = master.put({ ud_spool_func: "nobody" });
  master.give("uwsgi_spoolfile_on_nothing", done, retry, failed, ignored, unknown);
  const answers = await master.answers(6);
  assertEquals(answers.map(({ task, kind, func }) => [task, kind, func]), [
    ["uwsgi_spoolfile_on_nothing", "gone", ""],
    [done, "done", "once"],
    [retry, "retry", "raw"],
    [failed, "failed", "raw"],
    [ignored, "ignored", "raw"],
    [unknown, "elsewhere", "nobody"],
  ]);
  const states = [done, retry, failed, ignored, unknown].map((task) =>
    `${master.exists(task)} ${isLocked(master, task)}`
  );
  assertEquals(states, ["false false", "true true", "true true", "true false", "true false"]);
  master.connection.send({ type: "release", task: retry });
  await until(() => !isLocked(master, retry), "the lock is not let go");
  assert(isLocked(master, failed));
  assertEquals(answers[3]?.reason, "ZeroDivisionError: division by zero");
  assertMatch(answers[3]?.stderr ?? "", /ZeroDivisionError: division by zero\n$/);
});

/** Moves each file away at the moment when it is open and not yet locked. */
const MOVING = `
import os, uwsgi
from _spooler import claim
from uwsgidecorators import spool
lockf = claim.lockf
def moving(descriptor, how):
    path = os.readlink("/proc/self/fd/%d" % descriptor)
    os.rename(path, path.replace("uwsgi_spoolfile", "moved"))
    return lockf(descriptor, how)
@spool
def once(env):
    print("ran")
@spool
def move(env):
    claim.lockf = moving
@spool
def remove(env):
    claim.lockf = lambda descriptor, how: os.unlink(os.readlink("/proc/self/fd/%d" % descriptor))
`;

testWith("python", "a task that is moved before it is locked is not run", async () => {
  await using master = await ScriptedMaster.python(MOVING);
  // Long as it is: then a change of its name shows at the file itself.
  const old = master.put({ ud_spool_func: "once" });
  await new Promise((resolve) => setTimeout(resolve, 1100));
  await master.run("move");
  const young = master.put({ ud_spool_func: "once" });
  master.give(old, young);
  const kinds = (await master.answers(2)).map(({ kind }) => kind);
  assertEquals(kinds, ["gone", "gone"]);
});

testWith("python", "a task that is removed before it is locked is not run", async () => {
  await using master = await ScriptedMaster.python(MOVING);
  const task = master.put({ ud_spool_func: "once" });
  await master.run("remove");
  master.give(task);
  assertEquals((await master.answers(1))[0]?.kind, "gone");
});

testWith(
  "python",
  "what is printed without an end is logged with its task, however it is written",
  async () => {
    await using master = await ScriptedMaster.python(`
import sys
from uwsgidecorators import spool
@spool
def text(env):
    print("text", end="")
@spool
def raw(env):
    sys.stdout.buffer.raw.write(b"raw")
@spool
def buffer(env):
    sys.stderr.buffer.write(b"buffer")
@spool
def nothing(env):
    pass
`);
    for (const func of ["text", "raw", "buffer", "nothing"]) await master.run(func);
    const told = master.printed().map(({ stream, func, line }) => [stream, func, line]);
    assertEquals(told, [
      ["stdout", "text", "text"],
      ["stdout", "raw", "raw"],
      ["stderr", "buffer", "buffer"],
    ]);
  },
);

testWith("python", "a chosen task runs whoever it is for, and stays locked", async () => {
  await using master = await ScriptedMaster.python(EVALUATING, {
    setup: { names: ["once"], alone: false },
  });
  const task = master.put({ ud_spool_func: "once" });
  master.give(task);
  assertEquals((await master.answers(1))[0]?.kind, "elsewhere", "it is for another handler");
  const chosen: [string, string][] = [];
  for (
    const vars of [
      { ud_spool_func: "once" },
      { ud_spool_func: "raw", returns: "0" },
    ]
  ) {
    const name = master.put(vars);
    master.choose(name, 2);
    const [answer] = await master.answers(1);
    chosen.push([answer?.kind ?? "", `${master.exists(name)} ${isLocked(master, name)}`]);
  }
  assertEquals(chosen, [["done", "true true"], ["ignored", "true true"]]);
});

testWith(
  "python",
  "beside workers of another language a catch-all takes only what is chosen",
  async () => {
    const code = "import uwsgi\nuwsgi.spooler = lambda env: uwsgi.SPOOL_OK\n";
    await using master = await ScriptedMaster.python(code, { setup: { alone: false } });
    const task = master.put({ ud_spool_func: "any" });
    master.give(task);
    assertEquals((await master.answers(1))[0]?.kind, "elsewhere");
    master.choose(task);
    assertEquals((await master.answers(1))[0]?.kind, "done");
  },
);

testWith("python", "what is no whole task of now is left to the program", async () => {
  await using master = await ScriptedMaster.python(EVALUATING);
  const header = (...bytes: number[]) => Uint8Array.from(bytes);
  const later = master.put({ ud_spool_func: "once" });
  Deno.utimeSync(join(master.spool, later), 4e9, 4e9);
  Deno.mkdirSync(join(master.spool, "uwsgi_spoolfile_on_dir"));
  Deno.symlinkSync("/etc/hostname", join(master.spool, "uwsgi_spoolfile_on_link"));
  await new Deno.Command("mkfifo", { args: [join(master.spool, "uwsgi_spoolfile_on_pipe")] })
    .output();
  const cases: [string, string][] = [
    [later, "inspect"],
    ["uwsgi_spoolfile_on_dir", "inspect"],
    ["uwsgi_spoolfile_on_link", "inspect"],
    ["uwsgi_spoolfile_on_pipe", "inspect"],
    [master.putFile(), "inspect"],
    [master.putFile(header(17, 9)), "inspect"],
    [master.putFile(header(17, 9, 0, 0, 1, 0)), "inspect"],
    [master.putFile(header(17, 4, 0, 0, 9, 0, 0, 0)), "inspect"],
    [master.putFile(header(17, 4, 0, 0, 0, 0, 0, 0)), "inspect"],
    [master.putFile(header(99, 0, 0, 0)), "inspect"],
    [master.putFile(header(17, 0, 0, 0)), "elsewhere"],
  ];
  master.give(...cases.map(([task]) => task));
  const answers = await master.answers(cases.length);
  assertEquals(answers.map(({ task, kind }) => [task, kind]), cases);
  for (const [task] of cases) assert(master.exists(task) && !isLocked(master, task), task);
});

testWith("libc", "a task that another process has claimed is busy", async () => {
  await using master = await ScriptedMaster.python(EVALUATING);
  const task = master.put({ ud_spool_func: "once" });
  const claim = platform.claims.claim(join(master.spool, task), Date.now());
  assertEquals(claim.kind, "claimed");
  master.give(task);
  assertEquals((await master.answers(1))[0]?.kind, "busy");
  if (claim.kind === "claimed") claim.release();
  master.give(task);
  assertEquals((await master.answers(1))[0]?.kind, "done");
});

testWith("python", "a batch is answered in order and in few words", async () => {
  await using master = await ScriptedMaster.python(EVALUATING);
  const tasks = Array.from({ length: 500 }, () => master.put({ ud_spool_func: "once" }));
  master.give(...tasks);
  const left = new Set(tasks);
  let entries = 0;
  const done: string[] = [];
  while (left.size > 0) {
    const heard = (await master.hears("answers")).answers;
    entries += heard.length;
    const { answers, fault } = answersTo(left, heard, (id) => left.delete(id));
    assertEquals(fault, null);
    for (const { kind, task } of answers) {
      assertEquals(kind, "done");
      done.push(task);
    }
  }
  assertEquals(done, tasks);
  assert(entries <= tasks.length / 2, `${entries} entries`);
  assertEquals([...Deno.readDirSync(master.spool)], []);
});

testWith("python", "a task below a priority directory has its bare name", async () => {
  await using master = await ScriptedMaster.python(EVALUATING);
  const task = master.put({ ud_spool_func: "show" });
  Deno.mkdirSync(join(master.spool, "10"));
  Deno.renameSync(join(master.spool, task), join(master.spool, "10", task));
  master.give(`10/${task}`);
  const [answer] = await master.answers(1);
  assertEquals([answer?.task, answer?.kind], [`10/${task}`, "done"]);
  assertMatch(master.lines()[0] ?? "", new RegExp(`'spooler_task_name': '${task}'`));
});

testWith(
  "python",
  "stop ends the worker after its task; atexit runs, threads are not waited for",
  async () => {
    await using master = await ScriptedMaster.python(`
import atexit, threading, time, uwsgi
from uwsgidecorators import spoolraw
atexit.register(lambda: print("bye"))
uwsgi.atexit = lambda: print("uwsgi.atexit")
threading.Thread(target=threading.Event().wait).start()
@spoolraw
def wait(env):
    print("waiting")
    open(env["gate"]).read()
    # Longer than a worker goes without a look at its socket.
    time.sleep(0.05)
    return uwsgi.SPOOL_OK
`);
    const gate = join(master.dir, "gate");
    const { open } = await makeGate(gate);
    const tasks = [1, 2].map(() => master.put({ ud_spool_func: "wait", gate }));
    master.give(...tasks);
    await master.hears("output");
    master.connection.send({ type: "stop" });
    await open();
    assertEquals((await master.answers(1)).map(({ task, kind }) => [task, kind]), [[
      tasks[0],
      "done",
    ]]);
    assertEquals((await master.child.status).code, 0);
    await master.ended();
    assert(master.exists(tasks[1] ?? ""));
    assertEquals(master.lines(), ["uwsgi.atexit", "bye"]);
  },
);

testWith("python", "a worker ends when the program is gone", async () => {
  await using master = await ScriptedMaster.python(EVALUATING);
  master.connection.close();
  assertEquals((await master.child.status).code, 1);
});

testWith("python", "a task that raises uwsgi.Permanent is given up", async () => {
  await using master = await ScriptedMaster.python(`
import uwsgi
from uwsgidecorators import spool
@spool
def broken(env):
    raise uwsgi.Permanent("no such customer")
`);
  const answer = await master.run("broken");
  assertEquals([answer.kind, answer.reason], ["permanent", "Permanent: no such customer"]);
});
