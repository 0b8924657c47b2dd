/** The Python client puts tasks to a server: over few connections, each task once, signed. */

import { createHash } from "node:crypto";
import { join } from "@std/path";
import { acceptedAnswer } from "../../src/wire/answer.ts";
import {
  encodeHeader,
  findText,
  MODIFIER_ANSWER,
  MODIFIER_PING,
  varText,
} from "../../src/wire/packet.ts";
import { verifyDelivery } from "../../src/wire/signature.ts";
import { signedOf } from "../../src/wire/signed_answer.ts";
import { assert, assertEquals } from "../support/assert.ts";
import {
  ACCEPTED,
  ours,
  Peer,
  plain,
  pong,
  type Received,
  refusal,
  type Script,
  signedPong,
} from "../support/peer.ts";
import { CuttingProxy } from "../support/proxy.ts";
import { PythonClient } from "../support/python_client.ts";
import { openReception } from "../support/reception.ts";
import { testWith } from "../support/require.ts";
import { seenNames } from "../support/store.ts";
import { tempDir } from "../support/temp.ts";

const SECRET = "correct horse battery staple";

const values = (tasks: readonly Received[], name: string) =>
  tasks.map(({ vars }) => findText(vars, name));

/** Runs code with `client` for the peer; returns what it prints. */
async function runAt(peer: Peer, code: string, more = ""): Promise<string[]> {
  await using python = await PythonClient.make();
  return await python.run(`
import spooler_client
from spooler_client import Client, Task
client = Client("${peer.address}"${more})
def attempt(what):
    try:
        print(what())
    except Exception as error:
        print(type(error).__name__, str(error).replace("${peer.address}", "PEER"))
${code}`);
}

testWith(
  "python",
  "tasks go over one connection, pipelined, in order, each with its id",
  async () => {
    const accepted: Received[] = [];
    await using peer = new Peer(ours(accepted));
    const lines = await runAt(
      peer,
      `
first = client.put("f", {"n": 0}, body="a body", priority=3)
rest = client.put_many([("f", {"n": n}) for n in range(1, 999)] + [Task("f", {"n": 999}, id="mine")])
print(len({first, *rest}), rest[-1])
import warnings; warnings.simplefilter("error")
with client: pass
del client
`,
    );
    assertEquals(lines, ["1000 mine"]);
    assertEquals(peer.connections, 1);
    assertEquals(values(accepted, "n"), Array.from({ length: 1000 }, (_, n) => String(n)));
    assertEquals(new Set(values(accepted, "spooler_id")).size, 1000);
    const [first] = accepted;
    assert(first !== undefined);
    assertEquals(new TextDecoder().decode(first.body), "a body");
    assertEquals(findText(first.vars, "priority"), "3");
  },
);

testWith(
  "python",
  "a decorated function spools to a server; threads and forks share a client",
  async () => {
    const accepted: Received[] = [];
    await using peer = new Peer(ours(accepted));
    await runAt(
      peer,
      `
import os, threading
spooler_client.configure("${peer.address}")
from uwsgidecorators import spool
@spool
def job(env): pass
assert len(job.spool(a="b", body="hey")) == 32
def many():
    for _ in range(20): client.put("f", {"from": os.getpid()})
def in_threads():
    threads = [threading.Thread(target=many) for _ in range(4)]
    for each in threads: each.start()
    for each in threads: each.join()
in_threads()
child = os.fork()
if child == 0:
    in_threads()
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
in_threads()
`,
    );
    const [job, ...others] = accepted;
    assertEquals(job && findText(job.vars, "ud_spool_func"), "job");
    assertEquals(others.length, 240);
    assertEquals(new Set(values(others, "from")).size, 2);
    assert(peer.connections <= 20, `${peer.connections} connections for 241 tasks`);
  },
);

testWith("python", "a task whose answer was lost is sent again, with the same id", async () => {
  const accepted: Received[] = [];
  const got: Received[] = [];
  /** Takes some tasks, answers fewer, and hangs up. */
  const hangsUp: Script = async (talk) => {
    for (let packet = await talk.next(); packet; packet = await talk.next()) {
      if (packet.header.modifier1 === MODIFIER_PING) await talk.say(pong());
      else if (got.push(packet) <= 10) await talk.say(ACCEPTED);
      else if (got.length === 60) {
        peer.becomes(ours(accepted));
        return;
      }
    }
  };
  await using peer = new Peer(hangsUp);
  const lines = await runAt(
    peer,
    `
names = client.put_many([("f", {"n": n}) for n in range(500)])
print(len(set(names)))
`,
  );
  assertEquals(lines, ["500"]);
  assertEquals(peer.connections, 2);
  const ids = new Map<string | undefined, Set<string | undefined>>();
  for (const { vars } of [...got, ...accepted]) {
    const n = findText(vars, "n");
    ids.set(n, (ids.get(n) ?? new Set()).add(findText(vars, "spooler_id")));
  }
  assertEquals([...ids.keys()], Array.from({ length: 500 }, (_, n) => String(n)));
  assertEquals([...ids.values()].filter(({ size }) => size !== 1), []);
  // Of what was not answered everything; the end of the connection may have taken answers with it.
  const again = values(accepted, "n").slice(0, accepted.length - 440);
  assert(again.length >= 50 && again.length <= 60, again.join(" "));
});

testWith("python", "what a server refuses says why, and whether to try again", async () => {
  const accepted: Received[] = [];
  const answer = ({ vars }: Received) => {
    const n = findText(vars, "n");
    if (n === "full") return refusal("the spool is full", { temporary: true });
    return n === "bad" ? refusal("no such spooler") : null;
  };
  await using peer = new Peer(ours(accepted, answer));
  const lines = await runAt(
    peer,
    `
attempt(lambda: client.put("f", {"n": "bad"}))
attempt(lambda: client.put("f", {"spooler_sig": "x"}))
attempt(lambda: client.status("x"))
try:
    client.put_many([("f", {"n": n}) for n in ("a", "full", "b", "bad", "c")])
except spooler_client.PutManyError as error:
    print(error.results[1].is_temporary, error.results[3].is_temporary)
    print([type(each).__name__ for each in error.results])
    attempt(lambda: exec("raise error"))
`,
  );
  assertEquals(lines, [
    "Refused PEER refused the task: no such spooler",
    "Refused spooler_sig belongs to the protocol",
    "SpoolError only a spool directory says what became of a task, not PEER",
    "True False",
    "['str', 'Refused', 'str', 'Refused', 'str']",
    "PutManyError 2 of 5 tasks were not put, the first because: PEER refused the task: the spool is full",
  ]);
  assertEquals(values(accepted, "n"), ["a", "b", "c"]);
  assertEquals(peer.connections, 1);
});

testWith(
  "python",
  "with a secret tasks are signed, and a server has to prove that it has it",
  async () => {
    const accepted: Received[] = [];
    /** Signs its answers to pings; those to tasks it does not, when it lies. */
    const signs = (lies: boolean): Script => async (talk) => {
      for (let packet = await talk.next(); packet; packet = await talk.next()) {
        const request = signedOf(packet.vars, SECRET);
        assert(request !== null);
        if (packet.header.modifier1 === MODIFIER_PING) {
          await talk.say(signedPong(request));
          continue;
        }
        accepted.push(packet);
        await talk.say(lies ? ACCEPTED : acceptedAnswer(request));
      }
    };
    await using peer = new Peer(ours([]));
    const more = `, secret="${SECRET}"`;
    const put = `attempt(lambda: client.put("f", {"n": 1}, body="hey", id="task-7"))`;
    assertEquals(await runAt(peer, put, more), [
      "Unreachable PEER does not prove that it has the secret",
    ]);
    peer.becomes(signs(true));
    assertEquals(await runAt(peer, put, more), [
      "Unreachable PEER does not prove that it has the secret",
    ]);
    accepted.length = 0;
    peer.becomes(signs(false));
    assertEquals(await runAt(peer, put, more), ["task-7"]);
    const [task] = accepted;
    assert(task !== undefined);
    const verified = verifyDelivery(task.vars, { now: Date.now(), hasBody: true, receiver: "hub" });
    assert(verified.kind === "valid");
    assertEquals(verified.id, "task-7");
    assertEquals(verified.bodySha256, createHash("sha256").update("hey").digest("hex"));
    assertEquals(task.vars.map(({ name }) => varText(name)).slice(-5), [
      ...["spooler_id", "spooler_to", "spooler_ts", "spooler_sha256", "spooler_sig"],
    ]);
    peer.becomes(plain(accepted));
    assertEquals(await runAt(peer, put, more), [
      "Unreachable PEER does not prove that it has the secret",
    ]);
  },
);

testWith("python", "a uWSGI gets one packet a connection, and no body", async () => {
  for (const ping of [true, false]) {
    const accepted: Received[] = [];
    await using peer = new Peer(plain(accepted, { ping }));
    const lines = await runAt(
      peer,
      `
print(client.put_many([("f", {"n": n}) for n in range(3)]))
attempt(lambda: client.put("f", body="x"))
`,
    );
    assertEquals(lines, [
      "['accepted', 'accepted', 'accepted']",
      "Refused PEER is a uWSGI, which takes no body from a socket",
    ]);
    assertEquals(values(accepted, "n"), ["0", "1", "2"]);
    assertEquals(values(accepted, "spooler_id"), [undefined, undefined, undefined]);
  }
});

testWith("python", "an answer that cannot be read names the server", async () => {
  const broken = encodeHeader({ modifier1: MODIFIER_ANSWER, size: 2, modifier2: 1 });
  await using peer = new Peer(async (talk) => {
    while ((await talk.next())?.header.modifier1 === MODIFIER_PING) await talk.say(pong());
    await talk.say(broken, Uint8Array.of(0, 0));
  });
  assertEquals(await runAt(peer, `attempt(lambda: client.put("f"))`), [
    "Unreachable PEER sent an answer that cannot be read; the task may have arrived",
  ]);
  assertEquals(peer.connections, 3);
});

testWith(
  "python",
  "a server that is gone is unreachable; one that is back gets the next task",
  async () => {
    const accepted: Received[] = [];
    await using peer = new Peer(ours(accepted));
    // Hangs up behind each answer, as one that closes idle connections, or is restarted.
    peer.becomes(async (talk) => {
      for (let tasks = 0; tasks < 1;) {
        const packet = await talk.next();
        if (packet?.header.modifier1 === MODIFIER_PING) await talk.say(pong());
        else if (packet) {
          accepted.push(packet);
          tasks++;
          await talk.say(ACCEPTED);
        }
      }
    });
    const free = new Peer(() => Promise.resolve());
    await free.close();
    const lines = await runAt(
      peer,
      `
for n in range(5): client.put("f", {"n": n})
attempt(lambda: Client("127.0.0.1:${free.port}").put("f"))
attempt(lambda: Client("unix:/nowhere/socket").put("f"))
`,
    );
    assertEquals(lines, [
      `Unreachable connect to 127.0.0.1:${free.port}: Connection refused`,
      "Unreachable connect to /nowhere/socket: No such file or directory",
    ]);
    assertEquals(values(accepted, "n"), ["0", "1", "2", "3", "4"]);
  },
);

testWith(
  "python",
  "whatever a server answers, a put ends with an error of the client",
  async () => {
    const code = `
import os, random, socket, struct, threading, spooler_client
from spooler_client import Client, SpoolError

def var(name, value):
    return struct.pack("<H", len(name)) + name + struct.pack("<H", len(value)) + value

def packet(modifier1, data, modifier2=0, size=None):
    return struct.pack("<BHB", modifier1, len(data) if size is None else size, modifier2) + data

def pong(size, *more):
    return packet(100, var(b"spooler", b"1") + var(b"max-body", size) + b"".join(more))

chance = random.Random(7)
noise = [chance.randbytes(chance.randrange(1, 60)) for _ in range(60)]
good = pong(b"100")
pongs = [pong(size) for size in (b"abc", b"", b"-1", b"1_0", b" 7", b"1e9", b"9" * 5000, b"\\xb2", b"5\\n")]
first = [*pongs, *noise, *(packet(100, each) for each in noise), packet(100, b"", 0, 9), b""]
later = [*noise, *(packet(255, each, 1) for each in noise), packet(255, var(b"temporary", b"x" * 99)),
         packet(255, var(b"reason", bytes(range(256)))), packet(17, b""), packet(255, b"", 3), b""]
answers = [[each] for each in first] + [[good, each] for each in later]
counts = {}
for secret in (None, "correct horse battery"):
    for said in answers:
        server = socket.create_server(("127.0.0.1", 0))
        def serve(said=said, server=server):
            while True:
                try:
                    peer, _ = server.accept()
                except OSError:
                    return
                with peer:
                    for each in said:
                        peer.recv(65536)
                        peer.sendall(each)
        thread = threading.Thread(target=serve)
        thread.start()
        client = Client("127.0.0.1:%d" % server.getsockname()[1], secret=secret, timeout=5)
        try:
            client.put("f", {"a": "b"}, body=b"x" * 50)
            raise SystemExit("accepted: %r" % said)
        except SpoolError as error:
            assert str(error).isprintable(), repr(error)
        finally:
            client.close()
            server.shutdown(socket.SHUT_RDWR)
            server.close()
            thread.join()
print("errors")
`;
    await using python = await PythonClient.make();
    assertEquals(await python.run(code), ["errors"]);
  },
);

testWith("python", "a chain at a server goes on where its connection broke", async () => {
  await using temp = await tempDir();
  const path = join(temp.path, "socket");
  const ini = ["socket = 127.0.0.1:0", `socket = ${path}`];
  for (const secret of [null, SECRET]) {
    const signed = secret === null ? [] : [`spooler-secret = ${secret}`];
    await using reception = await openReception({ ini: [...ini, ...signed] });
    await using proxy = new CuttingProxy(reception.port);
    // Behind the first answer of the chain, or within it.
    proxy.cutNext({ direction: "down", after: 280 });
    await using python = await PythonClient.make();
    const lines = await python.run(`
from spooler_client import Client, Task
given = {} if ${secret === null ? "True" : "False"} else {"secret": "${SECRET}"}
steps = [("fetch", {"n": 1}), Task("unpack", body=b"hey"), Task("index", unique="all")]
for place in ("${proxy.address}", "${path}"):
    with Client(place, **given) as client:
        named = [Task(*each[:1], id=place[-5:] + str(n)) for n, each in enumerate(steps)]
        names = client.chain(*named)
        assert client.chain(*named) == names
        print(*names, sep="\\n")
        print(*client.chain(*steps[:2]), sep="\\n")
`);
    assertEquals(proxy.cuts, 1);
    assertEquals(lines.toSorted(), seenNames(reception.store).toSorted());
    assertEquals(
      lines.map((name) => reception.store.readAfter({ name, priority: null })),
      lines.map((_, at) => [0, 3].includes(at % 5) ? [] : lines.slice(at - 1, at)),
    );
  }
});

testWith("python", "a chain is refused before its first task by who says no names", async () => {
  const accepted: Received[] = [];
  await using peer = new Peer(ours(accepted));
  const chain = `
attempt(lambda: client.chain(("f", {}), ("g", {})))
attempt(lambda: client.chain(("f", {}), ("g", {"spooler": "/other"})))
attempt(lambda: client.chain(("f", {}), ("g", {"at": "soon"})))
`;
  const others = [
    "Refused the tasks of a chain go into one spool",
    'Refused at needs seconds since the epoch: "soon"',
  ];
  const says = "does not say names of tasks, as a chain needs them";
  const refused = `Refused PEER is a uWSGI or an older version: it ${says}`;
  assertEquals(await runAt(peer, chain), [refused, ...others]);
  peer.becomes(plain(accepted));
  assertEquals(await runAt(peer, chain), [refused, ...others]);
  peer.becomes(plain(accepted, { ping: false }));
  const silent = "PEER hangs up at a ping, as a uWSGI may, which says no names";
  assertEquals(await runAt(peer, chain), [
    `Unreachable ${silent}; the task may have arrived`,
    ...others,
  ]);
  assertEquals(accepted.length, 0);
});
