/** The Python client puts tasks into a directory: what is written, and who may put at the same time. */

import { join } from "@std/path";
import { varsOfKeys } from "../../src/wire/json_vars.ts";
import { encodePacket } from "../../src/wire/packet.ts";
import { assertEquals, assertMatch } from "../support/assert.ts";
import { PythonClient } from "../support/python_client.ts";
import { ScriptedMaster } from "../support/scripted_master.ts";
import { testWith } from "../support/require.ts";
import { claimNow, openUnsynced, varsOf } from "../support/store.ts";
import { holdTask } from "../support/task_files.ts";

const NAME = /^uwsgi_spoolfile_on_[A-Za-z0-9.-]+_\d+_\d+_\d+_\d+_\d+$/;

/** Everything below a directory, but for what is in .spooler and is no task. */
async function filesIn(dir: string, below = ""): Promise<string[]> {
  const files: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(join(dir, below))) {
    const path = below === "" ? name : `${below}/${name}`;
    if (isDirectory) files.push(...await filesIn(dir, path));
    else if (below !== ".spooler") files.push(path);
  }
  return files.toSorted();
}

testWith(
  "python",
  "a task is a file of uWSGI's format, whole, private, and beside no other",
  async () => {
    await using client = await PythonClient.make();
    const put = async () =>
      await client.run(`
import spooler_client, uwsgi
from datetime import datetime, timedelta, timezone
client = spooler_client.Client(sync=False)
print(client.put("mail", {"to": "ü", "n": 1, b"raw": b"\\xff", "tags": ["ä"]}, body="hey"))
print(client.put("mail", at=datetime(2033, 5, 18, 3, 33, 20, tzinfo=timezone.utc), priority=4))
print(uwsgi.spool({b"ud_spool_func": b"mail", b"body": b"b", b"at": b"2000000000.7"}).decode())
`);
    const read = (name: string) => Deno.readFileSync(join(client.spool, name));
    // Without a program, and where one has been.
    for (const prepared of [false, true]) {
      if (prepared) await openUnsynced(client.spool);
      const [plain = "", later = "", path = ""] = await put();
      assertMatch(plain, NAME);
      const head = encodePacket(
        [
          ...varsOf({ ud_spool_func: "mail" }),
          ...varsOfKeys({ to: "ü", n: 1, raw: Uint8Array.of(255), tags: ["ä"] }),
        ],
        17,
      );
      assertEquals(read(plain), new Uint8Array([...head, ...new TextEncoder().encode("hey")]));
      const service = { ud_spool_func: "mail", at: "2000000000", priority: "4" };
      assertEquals(read(`4/${later}`), encodePacket(varsOf(service), 17));
      for (const file of [join(client.spool, "4", later), path]) {
        const { mode, mtime } = Deno.statSync(file);
        assertEquals([(mode ?? 0) & 0o777, mtime?.getTime()], [0o600, 2_000_000_000_000]);
      }
      const name = path.slice(client.spool.length + 1);
      assertEquals(await filesIn(client.spool), [`4/${later}`, plain, name].toSorted());
      await Deno.remove(join(client.spool, "4"), { recursive: true });
      for (const file of [plain, name]) await Deno.remove(join(client.spool, file));
    }
  },
);

testWith("python", "what no spool takes is refused, and leaves nothing", async () => {
  await using client = await PythonClient.make();
  const lines = await client.run(`
import os, spooler_client
from uwsgidecorators import spool
client = spooler_client.Client(sync=False)
@spool
def mail(env): pass
def attempt(what):
    try:
        print(what())
    except Exception as error:
        print(type(error).__name__, error)
attempt(lambda: client.put("f", at="soon"))
attempt(lambda: client.put("f", priority="../x"))
attempt(lambda: client.put("f", {"": "x"}))
attempt(lambda: client.put("f", {"key": "x" * 70000}))
attempt(lambda: client.put("f", {"key": {1, 2}}))
attempt(lambda: client.put("f", {"key": float("nan")}))
attempt(lambda: client.put(["f"]))
attempt(lambda: client.put("f", {"spooler": "/nowhere/else"}))
attempt(lambda: mail.spool(at="soon"))
attempt(lambda: mail.spool(n=1))
attempt(lambda: spooler_client.Client("http://hub:80"))
attempt(lambda: spooler_client.Client("tls://hub"))
attempt(lambda: spooler_client.Client("hub:1", secret="short"))
attempt(lambda: spooler_client.Client("missing").put("f"))
os.environ["SPOOLER_SPOOL"] = ""
attempt(lambda: mail.spool())
`);
  const missing = join(client.temp.path, "missing");
  assertEquals(lines, [
    'Refused at needs seconds since the epoch: "soon"',
    'Refused priority needs digits only, 9 at most: "../x"',
    "Refused a key is empty",
    "Refused the value of b'key' has 70000 bytes, a packet holds 65535",
    "TypeError the value of key has no JSON: Object of type set is not JSON serializable",
    "TypeError the value of key has no JSON: Out of range float values are not JSON compliant",
    "TypeError a packet holds bytes, str, int, bool and float, not list",
    'Refused spooler needs the absolute path of a spool: "/nowhere/else"',
    'ValueError unable to spool job: at needs seconds since the epoch: "soon"',
    "ValueError spooler callable dictionary must contains only bytes, not a value of type int",
    'ValueError tasks go to a directory, host:port or tls://host:port, not to "http://hub:80"',
    'ValueError an address needs host:port, with a port up to 65535: "tls://hub"',
    "ValueError a secret needs 8 characters or more",
    `Unreachable put a task into ${missing}: there is no such directory; the program makes it when it starts`,
    "ValueError unable to spool job: nothing says where tasks go: set SPOOLER_SPOOL, or call spooler_client.configure(...)",
  ]);
  assertEquals(await filesIn(client.temp.path), await filesIn(client.temp.path, "lib"));
});

testWith(
  "python",
  "a task is synced before it has its name; what cannot be synced is not put",
  async () => {
    await using client = await PythonClient.make();
    const lines = await client.run(`
import os, spooler_client
from _spooler import disk
calls = []
fails = None
fsync, rename = os.fsync, os.rename
def noted_fsync(descriptor):
    path = os.readlink("/proc/self/fd/%d" % descriptor)
    kind = "dir" if os.path.isdir(path) else "file"
    calls.append(kind)
    if kind == fails: raise OSError(5, "Input/output error")
    fsync(descriptor)
def noted_rename(a, b):
    calls.append("rename")
    rename(a, b)
os.fsync, os.rename = noted_fsync, noted_rename
disk._is_trusted = lambda device: False
client = spooler_client.Client()
def said():
    print(*calls)
    calls.clear()
client.put("a"); said()
client.put_many([("a",), ("b",), ("c",)]); said()
for fails in ("file", "dir"):
    for put in (lambda: client.put("a"), lambda: client.put_many([("a",), ("b",)])):
        try:
            put()
        except spooler_client.Unreachable as error:
            print(str(error).rpartition(": ")[2])
        said()
fails = None
disk._is_trusted, disk._trusted = (lambda device: True), {}
client.put_many([("x",)] * 50); said()
print(len(os.listdir(client._target.path)))
`);
    const error = "Input/output error";
    assertEquals(lines, [
      "file rename dir",
      "file file file rename rename rename dir",
      ...[error, "file", error, "file"],
      ...[error, "file rename dir", error, "file file rename rename dir"],
      // The files by syncfs.
      `${"rename ".repeat(50)}dir`,
      "54",
    ]);
  },
);

testWith("python", "threads, forks and asyncio put at the same time", async () => {
  await using client = await PythonClient.make();
  const lines = await client.run(
    `
import asyncio, os, threading
from uwsgidecorators import spool
@spool
def job(env): pass
def put(names):
    for _ in range(50): names.append(job.spool(a="b"))
def in_threads():
    names = []
    threads = [threading.Thread(target=put, args=(names,)) for _ in range(4)]
    for each in threads: each.start()
    for each in threads: each.join()
    return names
async def at_once():
    return await asyncio.gather(*(job.aspool(a="b") for _ in range(50)))
job.spool(a="b")
read, write = os.pipe()
children = []
for _ in range(2):
    child = os.fork()
    if child == 0:
        os.write(write, b"%d\\n" % len(set(in_threads())))
        os._exit(0)
    children.append(child)
print(len(set(in_threads())), len(set(asyncio.run(at_once()))))
for child in children: os.waitpid(child, 0)
print(os.read(read, 100).decode().split())
`,
    { env: { SPOOLER_FSYNC: "false" } },
  );
  assertEquals(lines, ["200 50", "['200', '200']"]);
  const files = await filesIn(client.spool);
  assertEquals(files.length, 651);
  const whole = encodePacket(varsOf({ ud_spool_func: "job", ud_spool_ret: "-2", a: "b" }), 17);
  for (const file of files) assertEquals(Deno.readFileSync(join(client.spool, file)), whole);
});

testWith(
  "python",
  "a process that is killed leaves whole tasks, and every one it has printed",
  async () => {
    await using client = await PythonClient.make();
    await openUnsynced(client.spool);
    const code = `
import spooler_client
while True: print(spooler_client.put("f", {"x": "y" * 5000}, body="z" * 200000), flush=True)
`;
    const whole = encodePacket(varsOf({ ud_spool_func: "f", x: "y".repeat(5000) }), 17).length +
      2e5;
    const printed: string[] = [];
    for (let round = 0; round < 5; round++) {
      const child = client.command(code, { env: { SPOOLER_FSYNC: "no" } }).spawn();
      let rest = "";
      for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
        const lines = (rest + text).split("\n");
        rest = lines.pop() ?? "";
        printed.push(...lines);
        if (printed.length >= 10 * (round + 1)) {
          try {
            child.kill("SIGKILL");
          } catch {
            // It has been killed.
          }
        }
      }
      await child.stderr.cancel();
      await child.status;
    }
    const files = (await filesIn(client.spool)).filter((file) => !file.startsWith(".spooler/"));
    for (const file of files) {
      assertEquals(
        Deno.statSync(join(client.spool, file)).size,
        whole,
        file,
      );
    }
    assertEquals(printed.filter((name) => !files.includes(name)), []);
  },
);

testWith("python", "timers, crons and signals of task code are one line of debug", async () => {
  await using client = await PythonClient.make();
  const code = `
import logging
logging.basicConfig(level=logging.DEBUG, format="%(name)s %(message)s")
from uwsgidecorators import *
@timer(60)
def minutely(signum): pass
@cron(0, 3, -1, -1, -1)
def nightly(signum): pass
@rbtimer(5)
def often(signum): pass
@signal(17)
def asked(signum): pass
@spool
def job(env): pass
print("in place:", minutely.__name__, uwsgi.opt["spooler"] == uwsgi.spoolers[0])
`;
  assertEquals(await client.run(code), [
    "in place: minutely True",
    "spooler signals, timers and crons of task code are ignored here: the program's workers have them",
  ]);
});

testWith("python", "status says where a task is, wait waits for its end", async () => {
  await using client = await PythonClient.make();
  const store = await openUnsynced(client.spool);
  const [ready = "", later = "", failed = ""] = await client.run(`
import spooler_client
put = spooler_client.put
print(put("f", priority=3), put("f", at=2000000000), put("f"), sep="\\n")
`);
  store.fail(claimNow(store, { name: failed, priority: null }), "no address", null);
  await using _held = await holdTask(join(client.spool, "3", ready));
  const lines = await client.run(`
import spooler_client
client = spooler_client.Client()
for name in ("3/${ready}", "${ready}", "${client.spool}/3/${ready}", "${later}", "${failed}", "gone"):
    found = client.status(name)
    print(found.state, found.reason, found.due_at, found.is_over)
print(client.wait("${failed}").state)
try:
    client.wait("${later}", timeout=0.01)
except TimeoutError as error:
    print("after" in str(error))
`);
  const running = "running  0.0 False";
  assertEquals(lines, [
    ...[running, running, running],
    ...["deferred  2000000000.0 False", "failed no address 0.0 True", "gone  0.0 True"],
    ...["failed", "True"],
  ]);
});

testWith("python", "the module uwsgi has the names of a worker's", async () => {
  await using client = await PythonClient.make();
  const own = await client.run(
    "import uwsgi; print(*sorted(n for n in dir(uwsgi) if n[0] != '_'))",
  );
  await using master = await ScriptedMaster.python(`
import uwsgi
from uwsgidecorators import spool
@spool
def names(env): print(*sorted(n for n in dir(uwsgi) if n[0] != '_'))
`);
  await master.run("names");
  const theirs = new Set(master.lines()[0]?.split(" "));
  for (const name of ["post_fork_hook", "mule_msg_hook", "spooler"]) theirs.delete(name);
  // Found when they are asked for.
  assertEquals([...own[0]?.split(" ") ?? [], "opt", "spoolers"].toSorted(), [...theirs].toSorted());
});
