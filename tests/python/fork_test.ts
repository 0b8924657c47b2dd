/** Processes that task code forks: they are no workers, and they can spool. */

import { decodeHeader, decodeVars, findText, HEADER_SIZE } from "../../src/wire/packet.ts";
import { assertEquals, assertMatch } from "../support/assert.ts";
import { testWith } from "../support/require.ts";
import { type OnCall, ScriptedMaster } from "../support/scripted_master.ts";

/** Answers calls, and keeps what was spooled: the var `n`, and the body. */
function keeper(): { spooled: string[]; onCall: OnCall } {
  const spooled: string[] = [];
  return {
    spooled,
    onCall({ method }, tail) {
      if (method !== "spool") return method;
      const bodyAt = HEADER_SIZE + decodeHeader(tail).size;
      const n = findText(decodeVars(tail.subarray(HEADER_SIZE, bodyAt)), "n");
      if (n === "refused") throw new Error("the spool is full");
      spooled.push(`${n}${new TextDecoder().decode(tail.subarray(bodyAt))}`);
      return `/spool/${n}`;
    },
  };
}

testWith(
  "python",
  "a fork that comes back is no second worker; what it prints is kept",
  async () => {
    await using master = await ScriptedMaster.python(`
import os, sys, multiprocessing, subprocess
from uwsgidecorators import spool
@spool
def forks(env):
    child = os.fork()
    if child == 0:
        print("from the child")
        return
    _, status = os.waitpid(child, 0)
    print("from the parent", status)
@spool
def fails(env):
    child = os.fork()
    if child == 0:
        raise ValueError("in the child")
    print("child:", os.waitpid(child, 0)[1] >> 8)
def work(number):
    print("working", number)
    return number * 2
@spool
def pool(env):
    with multiprocessing.get_context("fork").Pool(2) as workers:
        print(workers.map(work, [1, 2, 3]))
@spool
def runs(env):
    subprocess.run(["sh", "-c", "echo from sh; echo to stderr >&2"], check=True)
`);
    const kinds = await master.kinds("forks", "fails", "pool", "runs");
    assertEquals(kinds, ["done", "done", "done", "done"]);
    assertEquals(master.lines(), ["from the parent 0", "child: 1", "[2, 4, 6]"]);
    assertEquals(await master.stop(), 0);
    await master.ended();
    for (
      const line of [
        "from the child",
        "ValueError: in the child",
        "working 1",
        "working 2",
        "working 3",
        "from sh",
        "to stderr",
      ]
    ) {
      assertEquals(master.piped.split("\n").filter((each) => each === line).length, 1, line);
    }
  },
);

testWith("python", "a fork while a module is loaded is no second worker", async () => {
  await using master = await ScriptedMaster.python(`
import os
from uwsgidecorators import spool
os.fork()
@spool
def task(env): print("once")
`);
  assertEquals((await master.run("task")).kind, "done");
  assertEquals(master.lines(), ["once"]);
});

testWith(
  "python",
  "a forked child spools as its worker does, and so do its own children",
  async () => {
    const { spooled, onCall } = keeper();
    await using master = await ScriptedMaster.python(
      `
import multiprocessing, os, threading
import uwsgi
from uwsgidecorators import spool
def put(n, **more):
    return uwsgi.spool({b"n": str(n).encode(), **{k.encode(): v for k, v in more.items()}})
def in_child(work):
    child = os.fork()
    if child == 0:
        work()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
@spool
def before(env):
    put("worker")
    in_child(lambda: print(put("child", body=b" with a body"), flush=True))
    put("worker again")
@spool
def grandchild(env):
    in_child(lambda: (put("child"), in_child(lambda: put("grandchild")), put("child again")))
@spool
def pool(env):
    with multiprocessing.get_context("fork").Pool(2) as workers:
        print(sorted(workers.map(put, range(20)))[:2])
@spool
def threads(env):
    def many():
        each = [threading.Thread(target=put, args=(n,)) for n in range(10)]
        for thread in each: thread.start()
        for thread in each: thread.join()
    in_child(many)
`,
      { onCall },
    );
    const run = async (func: string) => {
      assertEquals((await master.run(func)).kind, "done");
      return spooled.splice(0);
    };
    assertEquals(await run("before"), ["worker", "child with a body", "worker again"]);
    assertEquals(await run("grandchild"), ["child", "grandchild", "child again"]);
    assertEquals((await run("pool")).length, 20);
    assertEquals((await run("threads")).toSorted(), [..."0123456789"]);
    assertEquals(master.lines(), ["[b'/spool/0', b'/spool/1']"]);
    assertEquals(await master.stop(), 0);
    await master.ended();
    assertEquals(master.piped, "b'/spool/child'\n");
  },
);

testWith(
  "python",
  "a forked child hears why a task is refused, and the rest of what it asks",
  async () => {
    const { spooled, onCall } = keeper();
    await using master = await ScriptedMaster.python(
      `
import os
import uwsgi
from uwsgidecorators import spool
def attempt(what):
    try:
        print(what())
    except ValueError as error:
        print(error)
@spool
def asks(env):
    child = os.fork()
    if child == 0:
        attempt(lambda: uwsgi.spool({b"n": b"refused"}))
        attempt(lambda: uwsgi.spool({b"n": "text"}))
        attempt(lambda: uwsgi.log("a line"))
        attempt(lambda: uwsgi.spooler_pids())
        attempt(lambda: uwsgi.spool({b"n": b"1"}))
        return
    os.waitpid(child, 0)
`,
      { onCall },
    );
    assertEquals((await master.run("asks")).kind, "done");
    assertEquals(await master.stop(), 0);
    await master.ended();
    assertEquals(master.piped.split("\n"), [
      "unable to spool job: the spool is full",
      "spooler callable dictionary must contains only bytes, not a value of type str",
      "True",
      "pids",
      "b'/spool/1'",
      "",
    ]);
    assertEquals(spooled, ["1"]);
  },
);

testWith("python", "a forked child whose program cannot be reached says so", async () => {
  await using master = await ScriptedMaster.python(
    `
import os
import uwsgi
from uwsgidecorators import spool
@spool
def asks(env):
    child = os.fork()
    if child == 0:
        uwsgi.spool({b"a": b"b"})
    print(os.waitpid(child, 0)[1] >> 8)
`,
    { setup: { calls: "/nowhere/socket" } },
  );
  assertEquals((await master.run("asks")).kind, "done");
  assertEquals(master.lines(), ["1"]);
  assertEquals(await master.stop(), 0);
  await master.ended();
  assertMatch(
    master.piped,
    /ValueError: unable to spool job: a forked child cannot reach the program: .*No such file/,
  );
});
