/** The functions of our module `uwsgi`, as task code calls them. */

import type { TimerWish } from "../../src/worker/registered.ts";
import { join } from "@std/path";
import { findVar } from "../../src/wire/packet.ts";
import { decodeHeader, decodeVars } from "../../src/wire/packet.ts";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { testWith } from "../support/require.ts";
import { type OnCall, type PythonOptions, ScriptedMaster } from "../support/scripted_master.ts";

const MODULE = await Deno.readTextFile(
  new URL("../fixtures/python/expressions.py", import.meta.url),
);

/** What expressions are worth inside of a task: a value, or `raised TypeError`. */
async function worth(
  expressions: readonly string[],
  options: PythonOptions = {},
): Promise<string[]> {
  await using master = await ScriptedMaster.python(MODULE, options);
  const ledger = join(master.dir, "ledger");
  const answer = await master.run("expressions", { ledger }, expressions.join("\n"));
  assertEquals(answer.kind, "done", `${answer.reason}\n${answer.stderr}`);
  const lines = Deno.readTextFileSync(ledger).trimEnd().split("\n");
  return lines.map((line, i) => line.slice(`${expressions[i]} => `.length));
}

/** Pairs of an expression and what it is worth. */
async function expect(pairs: readonly [string, string][], options: PythonOptions = {}) {
  const got = await worth(pairs.map(([expression]) => expression), options);
  assertEquals(pairs.map(([expression], i) => [expression, got[i] ?? ""]), [...pairs]);
}

function withoutOrigin(wish: TimerWish): Record<string, unknown> {
  const { file: _file, line: _line, function: _function, ...rest } = wish;
  return rest;
}

testWith("python", "what the module knows without asking", () =>
  expect([
    ["uwsgi.SPOOL_OK, uwsgi.SPOOL_RETRY, uwsgi.SPOOL_IGNORE", "(-2, -1, 0)"],
    ["uwsgi.hostname", "b'box'"],
    ["uwsgi.version", "b'2.0.21-spooler'"],
    ["uwsgi.version_info >= (2, 0, 20)", "True"],
    ["uwsgi.spooler_version", "'9.9.9'"],
    ["uwsgi.numproc", "3"],
    ["uwsgi.worker_id()", "0"],
    ["uwsgi.i_am_the_spooler()", "True"],
    ["uwsgi.i_am_the_lord('legion')", "False"],
    ["uwsgi.mule_id()", "0"],
    ["uwsgi.masterpid()", String(Deno.pid)],
    ["[type(each).__name__ for each in uwsgi.mem()]", "['int', 'int']"],
    ["uwsgi.micros() > uwsgi.started_on * 1000000", "True"],
    ["uwsgi.setprocname('x')", "None"],
    ["uwsgi.total_requests(), uwsgi.request_id()", "(0, 0)"],
    ["type(uwsgi.spoolers).__name__, type(uwsgi.spoolers[0]).__name__", "('tuple', 'bytes')"],
    ["hasattr(uwsgi, 'no_such_name')", "False"],
  ], { setup: { processes: 3 } }));

testWith(
  "python",
  "uwsgi.opt has bytes, a list for what is repeated, True for a flag",
  () =>
    expect([
      ["uwsgi.opt['spooler']", "b'spool'"],
      ["uwsgi.opt['env']", "[b'A=1', b'B=2', b'C=\\xc3\\xa4']"],
      ["uwsgi.opt['master']", "True"],
      ["'nothing' in uwsgi.opt", "False"],
    ], {
      setup: {
        options: [["spooler", "spool"], ["env", "A=1"], ["master", true], ["env", "B=2"], [
          "env",
          "C=ä",
        ]],
      },
    }),
);

testWith(
  "python",
  "uwsgi.spool hands a packet and a body to the program, returns a path",
  async () => {
    const spooled: [Record<string, string>, string][] = [];
    const decoder = new TextDecoder();
    const onCall: OnCall = ({ method, args }, tail) => {
      assertEquals(method, "spool");
      const { modifier1, size } = decodeHeader(tail);
      assertEquals(modifier1, 17);
      const vars = decodeVars(tail.subarray(4, 4 + size));
      const body = tail.subarray(4 + size);
      assertEquals(body.length, args["bodySize"]);
      const texts = vars.map(({ name, value }) => [decoder.decode(name), decoder.decode(value)]);
      spooled.push([Object.fromEntries(texts), decoder.decode(body)]);
      return "/spool/NAME";
    };
    await expect([
      ["uwsgi.spool({b'a': b'b'})", "b'/spool/NAME'"],
      ["uwsgi.send_to_spooler({b'a': b'b', b'body': b'B' * 70000})", "b'/spool/NAME'"],
      ["uwsgi.spool({b'a': bytearray(b'x'), b'b': [1, 2]})", "b'/spool/NAME'"],
      ["uwsgi.spool({b'first': b''}, {b'second': b''})", "b'/spool/NAME'"],
      ["uwsgi.spool({})", "b'/spool/NAME'"],
      ["other({'x': 'y'}, z='ä')", "b'/spool/NAME'"],
      ["other.spool(x='1', body='text')", "b'/spool/NAME'"],
      ["again(at='5')", "b'/spool/NAME'"],
      ["(lambda d: (uwsgi.spool(d), d))({b'k': b'v', b'body': b'x'})[1]", "{b'k': b'v'}"],
    ], { onCall });
    assertEquals(spooled, [
      [{ a: "b" }, ""],
      [{ a: "b" }, "B".repeat(70_000)],
      [{ a: "x", b: "\x01\x02" }, ""],
      [{ first: "" }, ""],
      [{}, ""],
      [{ ud_spool_func: "other", ud_spool_ret: "-2", x: "y", z: "ä" }, ""],
      [{ ud_spool_func: "other", ud_spool_ret: "-2", x: "1" }, "text"],
      [{ ud_spool_func: "again", ud_spool_ret: "-1", at: "5" }, ""],
      [{ k: "v" }, "x"],
    ]);
  },
);

testWith(
  "python",
  "with pass_arguments, arguments travel pickled beside the spooler's own",
  async () => {
    const tails: Uint8Array[] = [];
    const onCall: OnCall = (_call, tail) => {
      tails.push(tail);
      return "NAME";
    };
    const [path] = await worth(["passing(1, 'two', at='7', body=b'B', k=[3])"], { onCall });
    assertMatch(path ?? "", /^b'\/.*\/spool\/NAME'$/);
    const tail = tails[0] ?? new Uint8Array();
    const { size } = decodeHeader(tail);
    const vars = decodeVars(tail.subarray(4, 4 + size));
    const names = vars.map(({ name }) => new TextDecoder().decode(name));
    assertEquals(names.toSorted(), ["args", "at", "kwargs", "ud_spool_func", "ud_spool_ret"]);
    assertEquals(findVar(vars, "args")?.at(0), 0x80, "a pickle");
    assertEquals(new TextDecoder().decode(tail.subarray(4 + size)), "B");
  },
);

testWith("python", "what uwsgi.spool refuses, it refuses as uWSGI does", () =>
  expect([
    ["uwsgi.spool()", "raised ValueError"],
    ["uwsgi.spool('x')", "raised ValueError"],
    ["uwsgi.spool({'a': b'b'})", "raised ValueError"],
    ["uwsgi.spool({b'a': 'b'})", "raised ValueError"],
    ["uwsgi.spool({b'a': 1})", "raised ValueError"],
    ["uwsgi.spool({b'a': None})", "raised ValueError"],
    ["uwsgi.spool({b'a': True})", "raised ValueError"],
    ["uwsgi.spool({b'a': 1.5})", "raised ValueError"],
    ["uwsgi.spool({b'a': 1 << 40})", "raised ValueError"],
    [
      "uwsgi.spool({b'a': type('Index', (), {'__index__': lambda self: 1 << 40})()})",
      "raised ValueError",
    ],
    ["uwsgi.spool(a=b'b')", "raised ValueError"],
    ["uwsgi.spool({b'a': b'x' * 70000})", "raised ValueError"],
    ["uwsgi.spool({b'a': b'x' * 40000, b'b': b'x' * 40000})", "raised ValueError"],
    ["other(at=5)", "raised ValueError"],
    ["other(5)", "raised TypeError"],
  ]));

testWith("python", "a refusal of the program is a ValueError with its words", async () => {
  await using master = await ScriptedMaster.python(
    `
import uwsgi
def spooler(env):
    try:
        uwsgi.spool({b"a": b"b"})
    except ValueError as error:
        print(error)
    return uwsgi.SPOOL_OK
uwsgi.spooler = spooler
`,
    {
      onCall: () => {
        throw new Error("the spool is full");
      },
    },
  );
  assertEquals((await master.run("x")).kind, "done");
  assertEquals(master.lines(), ["unable to spool job: the spool is full"]);
});

testWith(
  "python",
  "spooler_jobs lists paths; spooler_get_task reads a file, or the task's own",
  async () => {
    await using master = await ScriptedMaster.python(`
import os, uwsgi, fcntl
from uwsgidecorators import spoolraw
@spoolraw
def look(env):
    print(sorted(os.path.basename(each) for each in uwsgi.spooler_jobs()))
    path = env["dir"] + "/" + env["spooler_task_name"]
    print({k: v for k, v in uwsgi.spooler_get_task(path).items() if k != b"dir"})
    child = os.popen("python3 -c 'import fcntl, sys; fcntl.lockf(open(sys.argv[1], \\"r+\\"), 6)' " + path + " 2>&1")
    print("still locked" if "BlockingIOError" in child.read() else "the lock is gone")
    print(uwsgi.spooler_get_task(env["dir"] + "/nothing"), uwsgi.spooler_get_task(__file__))
    try:
        uwsgi.spooler_get_task(b"x")
    except TypeError as error:
        print(error)
    return uwsgi.SPOOL_OK
`);
    Deno.mkdirSync(join(master.spool, "7"));
    Deno.writeTextFileSync(join(master.spool, "7", "uwsgi_spoolfile_on_z"), "");
    Deno.writeTextFileSync(join(master.spool, "other"), "");
    const answer = await master.run("look", { dir: master.spool }, "BODY");
    assertEquals(answer.kind, "done", answer.stderr);
    const name = answer.task;
    assertEquals(master.lines(), [
      `[b'${name}', b'uwsgi_spoolfile_on_z']`,
      `{'spooler_task_name': b'${
        join(master.spool, name)
      }', b'ud_spool_func': b'look', 'body': b'BODY'}`,
      "still locked",
      "None None",
      "spooler_get_task() argument 1 must be str, not bytes",
    ]);
  },
);

testWith("python", "what is asked of the program", async () => {
  const calls: [string, unknown][] = [];
  const onCall: OnCall = ({ method, args }) => {
    calls.push([method, args]);
    return { pids: [11, 12], locked: true }[method] ?? null;
  };
  await expect([
    ["uwsgi.set_spooler_frequency(5)", "True"],
    ["uwsgi.set_spooler_frequency(0)", "True"],
    ["uwsgi.set_spooler_frequency('5')", "raised TypeError"],
    ["uwsgi.set_spooler_frequency(1.5)", "raised TypeError"],
    ["uwsgi.spooler_pids()", "[11, 12]"],
    ["uwsgi.spooler_pid()", "11"],
    ["uwsgi.signal(300)", "None"],
    ["uwsgi.signal(3, 'host:1')", "raised NotImplementedError"],
    ["uwsgi.log('hällo')", "True"],
    ["uwsgi.log(b'x')", "raised TypeError"],
    ["uwsgi.lock()", "None"],
    ["uwsgi.lock(2)", "None"],
    ["uwsgi.is_locked(2)", "True"],
    ["uwsgi.unlock(2)", "None"],
    ["uwsgi.unlock()", "None"],
    ["uwsgi.lock(3)", "raised ValueError"],
    ["uwsgi.lock(-1)", "raised ValueError"],
    ["uwsgi.lock('x')", "raised TypeError"],
  ], { onCall, setup: { options: [["spooler", "spool"], ["locks", "2"]] } });
  assertEquals(calls, [
    ["frequency", { seconds: 5 }],
    ["frequency", { seconds: 0.05 }],
    ["pids", {}],
    ["pids", {}],
    ["signal", { signal: 44 }],
    ["log", { message: "hällo" }],
    ["lock", { lock: 0 }],
    ["lock", { lock: 2 }],
    ["locked", { lock: 2 }],
    ["unlock", { lock: 2 }],
    ["unlock", { lock: 0 }],
  ]);
});

testWith("python", "send_message sends a task, and any other packet", async () => {
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const { port } = listener.addr as Deno.NetAddr;
  const received: string[] = [];
  const serving = (async () => {
    for (
      const answer of [
        ...["\xff\0\0\x01", "\xff\0\0\0", "d\0\0\x01"],
        ...["\xff\0\0\x01", "\xff\0\0\x01", "5"],
      ]
    ) {
      using conn = await listener.accept();
      const buffer = new Uint8Array(1000);
      const count = await conn.read(buffer) ?? 0;
      received.push(String.fromCharCode(...buffer.subarray(0, count)));
      await conn.write(Uint8Array.from(answer, (char) => char.charCodeAt(0)));
    }
  })();
  const to = `'127.0.0.1:${port}'`;
  await expect([
    [`uwsgi.send_message(${to}, 17, 0, {'a': 'b', b'c': b'd'})`, "True"],
    [`uwsgi.send_message(${to}, 17, 0, {'a': 'b'}, 30)`, "False"],
    [`uwsgi.send_message(${to}, 100, 0)`, "b'd\\x00\\x00\\x01'"],
    [
      `uwsgi.send_message(${to}, 17, 0, {'test': 5, 'b': True, 'f': 1.5, b'm': memoryview(b'x')})`,
      "True",
    ],
    [`uwsgi.send_message(${to}, 17, 0, {'at': 1795706602, 7: 10**30})`, "True"],
    [`uwsgi.send_message(${to}, 100, 0, 5)`, "b'5'"],
    [`uwsgi.send_message(${to}, 17, 0, {'a': None})`, "raised TypeError"],
    [`uwsgi.send_message(${to}, 17, 0, {'a': [1]})`, "raised TypeError"],
    ["uwsgi.send_message('/nothing.sock', 17, 0, {'a': 'b'})", "raised FileNotFoundError"],
    [`uwsgi.send_message(${to}, 17, 0, 'x' * 70000)`, "raised ValueError"],
  ]);
  await serving;
  listener.close();
  assertEquals(received, [
    "\x11\x0c\0\0\x01\0a\x01\0b\x01\0c\x01\0d",
    "\x11\x06\0\0\x01\0a\x01\0b",
    "d\0\0\0",
    "\x11\x20\0\0\x04\0test\x01\x005\x01\0b\x04\0True\x01\0f\x03\x001.5\x01\0m\x01\0x",
    `\x11\x34\0\0\x02\0at\x0a\x001795706602\x01\x007\x1f\x001${"0".repeat(30)}`,
    "d\x01\0\x005",
  ]);
});

testWith(
  "python",
  "signals and timers are registered when the modules are loaded, and later",
  async () => {
    await using master = await ScriptedMaster.python(
      `
import uwsgi
from uwsgidecorators import *
def told(expression):
    try:
        print(eval(expression))
    except Exception as error:
        print("raised", type(error).__name__)
@timer(5)
def a(number): print("timer", number, uwsgi.worker_id(), uwsgi.i_am_the_spooler())
@rbtimer(6, target="spooler")
def b(number): print("rbtimer", number, uwsgi.worker_id(), uwsgi.i_am_the_spooler())
@cron(0, -1, -1, -1, 1, signum=40)
def c(number): raise ValueError("no")
@signal(41)
def d(number): pass
@lock
def locked(): print("inside"); return 5
@signal(42)
def e(number): print(locked())
uwsgi.add_rb_timer(41, 7, 3)
for expression in ("uwsgi.signal_registered(0)", "uwsgi.signal_registered(99)",
        "uwsgi.signal_registered(256)", "uwsgi.register_signal(0, '', print)",
        "uwsgi.register_signal(9, b'', print)", "uwsgi.add_timer('x', 1)",
        "uwsgi.add_cron(41, '*', -1, -1, -1, -1)", "uwsgi.add_timer(41, 1.5)"):
    told(expression)
@spool
def later(env):
    signal(50)(print)
    uwsgi.add_timer(50, 9)
    print(locked())
`,
      { loads: false, setup: { worker: 2 }, onCall: () => null },
    );
    const loaded = await master.hears("loaded");
    assertEquals(master.lines(), [
      ...["True", "None", "True", "raised ValueError", "raised TypeError", "raised TypeError"],
      ...["raised TypeError", "raised TypeError"],
    ]);
    assertEquals(loaded.registered.signals, [0, 1, 40, 41, 42]);
    const timers = [
      { kind: "timer" as const, name: "a", signal: 0, seconds: 5 },
      { kind: "rbtimer" as const, name: "b", signal: 1, seconds: 6, iterations: 0 },
      {
        kind: "cron" as const,
        name: "c",
        ...{ signal: 40, minute: 0, hour: -1, day: -1, month: -1, weekday: 1 },
      },
      { kind: "rbtimer" as const, name: "d", signal: 41, seconds: 7, iterations: 3 },
    ];
    // Where they come from: the file, the lines of the decorators, and the functions.
    const origins = loaded.registered.timers.map(({ file, line, function: name }) => {
      return [file?.split("/").at(-1), line, name];
    });
    const lines = [["a", 9], ["b", 11], ["c", 13], ["d", 21]] as const;
    assertEquals(origins, lines.map(([name, line]) => ["tasks.py", line, name]));
    assertEquals(loaded.registered.timers.map(withoutOrigin), timers);

    const raise = async (signal: number) => {
      master.connection.send({ type: "signal", id: signal, signal });
      const { id, error } = await master.hears("signal-done");
      assertEquals(id, signal);
      return error;
    };
    assertEquals(await raise(0), null);
    assertEquals(await raise(1), null);
    assertEquals(master.lines(), ["timer 0 2 None", "rbtimer 1 0 True"]);
    assertEquals(await raise(40), "ValueError: no");
    assert(
      master.lines().some((line) =>
        line.includes('raise ValueError("no")') || line === "ValueError: no"
      ),
    );
    assertEquals(await raise(42), null);
    assertEquals(master.lines(), ["inside", "5"], "@lock runs in a signal's handler");
    assertEquals(await raise(77), "signal 77 has no handler");

    assertEquals((await master.run("later")).kind, "done");
    assertEquals(master.lines(), ["None"], "@lock does not run in a task, as under uWSGI");
    await master.hears("registered");
    const { registered } = await master.hears("registered");
    assertEquals(registered.signals, [0, 1, 40, 41, 42, 50]);
    assertEquals(registered.timers.map(withoutOrigin).at(-1), {
      kind: "timer",
      name: "print",
      signal: 50,
      seconds: 9,
    });
  },
);
