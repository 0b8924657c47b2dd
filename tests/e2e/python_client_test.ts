/** A web process in Python and the program's workers with the same tasks.py: put here, run there. */

import { join } from "@std/path";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { makeTlsParties } from "../support/certificates.ts";
import { ledgerLines } from "../support/ledger.ts";
import { Program, programLabel, spooler } from "../support/program.ts";
import { runClient } from "../support/python_client.ts";
import { testWith } from "../support/require.ts";
import { makeSite, portIn } from "../support/site.ts";

const test = (name: string, body: () => Promise<void>) =>
  testWith("python", `${programLabel}: ${name}`, body);

const TASKS = `
import os, uwsgi, uwsgidecorators, spooler_client
from uwsgidecorators import spool, timer

def note(text):
    with open(os.environ["LEDGER"], "a") as ledger: print(text, file=ledger)

@spool
def greet(env):
    note("hello %s with %s" % (env["name"], env.get("body", "nothing")))

@spool(pass_arguments=True)
def add(a, b, times=1):
    note("sum %d" % ((a + b) * times))
    greet.spool(name="from a task")
    spooler_client.put("greet", {"name": "from a client in a task"})

@spool
def fails(env):
    raise uwsgi.Permanent("no such address")

@spool
def typed(env):
    note("%r %r" % (env["user"], env.json))

@spool
def where(env):
    note(os.path.basename(os.path.dirname(uwsgidecorators.__file__)) + " " + str(uwsgi.i_am_the_spooler()))

@timer(3600)
def hourly(signum): pass
`;

test("the same module puts tasks in a web process and runs them in a worker", async () => {
  await using site = await makeSite(
    ...["import = tasks.py", "spooler-max-retries = 0", "pythonpath = lib", "env = LEDGER=ledger"],
  );
  const lib = join(site.dir, "lib");
  const written = await spooler(["python-client", lib]);
  assertEquals(written.code, 0, written.stderr);
  assertMatch(written.stdout, /PYTHONPATH=\S*lib SPOOLER_SPOOL=/);
  assertEquals((await spooler(["python-client", lib])).code, 0, "it replaces its own files");
  await Deno.writeTextFile(join(site.dir, "tasks.py"), TASKS);
  await using program = await Program.start(["--ini", site.ini], { cwd: site.dir });
  const lines = await runClient({
    lib,
    cwd: site.dir,
    env: { SPOOLER_SPOOL: site.spool },
    code: `
import spooler_client, tasks
print(tasks.uwsgidecorators.__file__.startswith("${lib}"))
names = [
    tasks.greet.spool(name="ann", body="a body"),
    tasks.add.spool(1, 2, times=3, priority="2"),
    tasks.where.spool(),
    spooler_client.put("typed", {"user": {"id": 1}, "tags": [], "text": "1", "raw": b"x"}),
    tasks.fails.spool(),
]
for name in names:
    found = spooler_client.wait(name, timeout=30)
    print(found.state, found.reason)
`,
  });
  assertEquals(lines, [
    "True",
    ...["done ", "done ", "done ", "done ", "failed Permanent: no such address"],
  ]);
  await program.line(/ greet \S+ done/, 3);
  const ledger = ledgerLines(join(site.dir, "ledger")).toSorted();
  assertEquals(
    ledger,
    [
      "hello ann with a body",
      "hello from a client in a task with nothing",
      "hello from a task with nothing",
      "python True",
      "sum 9",
      `'{"id":1}' {'user': {'id': 1}, 'tags': [], 'text': '1', 'raw': 'x'}`,
    ].toSorted(),
  );
  assertEquals(await program.stop(), 0);
});

const CALLS = `
import os, uwsgi

def call(env):
    """Everything that is spooled, as bytes."""
    if env[b"call"] == b"fails" and not os.path.exists("failed-once"):
        open("failed-once", "w").close()
        raise RuntimeError("not yet")
    with open("ledger", "a") as ledger: print(env[b"call"].decode(), file=ledger)
    return uwsgi.SPOOL_OK

uwsgi.spooler = call

def put(which, spooler):
    [path] = [each for each in uwsgi.spoolers if each.endswith(spooler)]
    return uwsgi.spool({b"call": which, b"spooler": path, b"priority": b"5"})
`;

test("a library that sets uwsgi.spooler, as djcall does, puts and runs its calls", async () => {
  await using site = await makeSite("import = calls.py", "spooler-retry-delay = 1");
  const lib = join(site.dir, "lib");
  await spooler(["python-client", lib]);
  await Deno.writeTextFile(join(site.dir, "calls.py"), CALLS);
  await using program = await Program.start(["--ini", site.ini], { cwd: site.dir });
  const code = `
import calls, spooler_client
for which in (b"works", b"fails"):
    print(spooler_client.wait(calls.put(which, b"spool"), timeout=30).state)
`;
  const env = { SPOOLER_SPOOL: site.spool };
  assertEquals(await runClient({ lib, cwd: site.dir, env, code }), ["done", "done"]);
  assertEquals(ledgerLines(join(site.dir, "ledger")), ["works", "fails"]);
  await program.line(/deferred.*RuntimeError: not yet/);
  assertEquals(await program.stop(), 0);
});

test("python-client overwrites no module that is not its own", async () => {
  await using site = await makeSite();
  const file = join(site.dir, "uwsgi.py");
  await Deno.writeTextFile(file, "mine");
  const { code, stderr } = await spooler(["python-client", site.dir]);
  assertEquals(code, 1);
  assert(stderr.includes(`${file} exists: nothing was written`), stderr);
  assertEquals(await Deno.readTextFile(file), "mine");
  assertEquals((await spooler(["python-client"])).code, 2);
});

testWith(
  ["python", "openssl"],
  `${programLabel}: a client puts tasks through sockets, signed, with TLS`,
  async () => {
    await using site = await makeSite(
      ...["spooler-task = name=f cat >>bodies", "spooler-secret = correct horse battery staple"],
      ...["spooler-name = hub", "socket = 127.0.0.1:0", "socket = in.sock"],
      `socket = @spooler-py-${Deno.pid}`,
      "suwsgi-socket = 127.0.0.1:0,server.pem,server.key,ca.pem",
    );
    await makeTlsParties(site.dir);
    await Deno.writeTextFile(join(site.dir, "secret"), "correct horse battery staple\n");
    await using program = await site.start();
    const ports = program.log.split("\n").filter((line) => / socket 127/.test(line)).map(portIn);
    const [port, tlsPort] = ports;
    const lib = join(site.dir, "lib");
    await spooler(["python-client", lib]);
    const lines = await runClient({
      lib,
      cwd: site.dir,
      env: { SPOOLER_SECRET_FILE: "secret", SPOOLER_CA: "ca.pem" },
      code: `
from spooler_client import Client, SpoolError
def attempt(client, **more):
    try:
        client.put("f", {"n": 1}, **more)
        print("put")
    except SpoolError as error:
        print(error)
own = {"cert": "client.pem", "key": "client.key"}
for to in ("127.0.0.1:${port}", "in.sock", "@spooler-py-${Deno.pid}"):
    attempt(Client(to), body="over %s\\n" % to[:2])
client = Client("tls://localhost:${tlsPort}", **own)
attempt(client, body="over tls\\n", id="once")
attempt(client, body="over tls\\n", id="once")
print(len(client.put_many([("f", {"body": "of many\\n"})] * 20)))
print(len(client.chain(("f", {"body": "first\\n"}), ("f", {"body": "second\\n"}))))
attempt(Client("tls://localhost:${tlsPort}", ca="stranger-ca.pem", **own))
attempt(Client("tls://localhost:${tlsPort}"))
attempt(Client("127.0.0.1:${port}", secret="wrong horse battery staple"))
`,
    });
    assertEquals(lines.slice(0, 7), [...Array(5).fill("put"), "20", "2"]);
    assertMatch(lines[7] ?? "", /^connect to tls:.*certificate verify failed/);
    assertMatch(lines[8] ?? "", /tls:\/\/localhost:\d+/);
    assertMatch(lines[9] ?? "", /does not prove that it has the secret/);
    await program.line(/ f \S+ done/, 26);
    const bodies = ledgerLines(join(site.dir, "bodies")).toSorted();
    const many = Array(20).fill("of many");
    assertEquals(bodies, [
      ...["first", ...many, "over 12", "over @s", "over in", "over tls", "second"],
    ]);
    assertEquals(await program.stop(), 0);
  },
);
