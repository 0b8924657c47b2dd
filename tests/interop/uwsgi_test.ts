/** Against the real uWSGI 2.0: its files in our spool, ours in its, its packets on our socket. */

import { join } from "@std/path";
import { encodePacket, findVar } from "../../src/wire/packet.ts";
import { assertEquals } from "../support/assert.ts";
import { PATIENCE_MS, Program, spooler } from "../support/program.ts";
import { testWith } from "../support/require.ts";
import { makeSite, portIn } from "../support/site.ts";
import { claimNow, openStore, varsOf } from "../support/store.ts";
import { tempDir } from "../support/temp.ts";
import { runInUwsgi, startUwsgiSpooler } from "../support/uwsgi.ts";

testWith(
  "uwsgi",
  "a task that uWSGI's Python writes into our spool runs with all its keys",
  async () => {
    await using site = await makeSite(
      'spooler-task = name=hello echo "$SPOOL_NAME, $SPOOL_COLOUR, $(wc -c)"',
    );
    await using program = await site.start();
    await runInUwsgi(
      site.dir,
      `
import uwsgi
uwsgi.spool({b"ud_spool_func": b"hello", b"name": "wörld".encode(), b"colour": b"red",
             b"body": b"B" * 100000})
`,
      ...["--spooler-external", site.spool],
    );
    await program.line(/hello\| wörld, red, 100000$/);
    await program.line(/hello \S+ done/);
  },
);

testWith(
  "uwsgi",
  "every byte that uWSGI's Python writes is read, at and priority are kept",
  async () => {
    await using temp = await tempDir();
    const store = await openStore(join(temp.path, "spool"));
    await runInUwsgi(
      temp.path,
      `
import uwsgi
uwsgi.spool({b"blob": bytes(range(256)), b"at": b"1000000000", b"priority": b"7"})
`,
      ...["--spooler-external", store.dir, "--spooler-ordered"],
    );
    const [seen] = [...store.scan()].flat();
    assertEquals(seen?.priority, "7");
    assertEquals(seen?.dueAt, 1_000_000_000_000);
    const task = claimNow(store, seen as NonNullable<typeof seen>);
    assertEquals(task.vars.map(({ name }) => new TextDecoder().decode(name)), [
      "blob",
      "at",
      "priority",
    ]);
    assertEquals([...findVar(task.vars, "blob") ?? []], [...Array(256).keys()]);
    store.finish(task);
  },
);

testWith(
  "uwsgi",
  "a task of ours is run by uWSGI's Python spooler, with every key and the body",
  async () => {
    await using temp = await tempDir();
    const spool = join(temp.path, "spool");
    const ledger = join(temp.path, "ledger");
    await Deno.mkdir(spool);
    const { stdout } = await spooler(
      ["push", "--dir", spool, "--body-file", "-", "ud_spool_func=x", "name=wörld"],
      "the body",
    );
    await using _uwsgi = await startUwsgiSpooler(
      temp.path,
      spool,
      `
import uwsgi, json, os
def text(x):
    return x if isinstance(x, str) else x.decode()
def spooler(env):
    with open(${JSON.stringify(ledger)} + ".part", "w") as out:
        json.dump({text(k): text(v) for k, v in env.items()}, out)
    os.rename(${JSON.stringify(ledger)} + ".part", ${JSON.stringify(ledger)})
    return uwsgi.SPOOL_OK
uwsgi.spooler = spooler
`,
    );
    const written = JSON.parse(await appears(ledger)) as Record<string, string>;
    assertEquals(written, {
      ud_spool_func: "x",
      name: "wörld",
      body: "the body",
      spooler_task_name: stdout.trim(),
    });
  },
);

testWith("uwsgi", "a packet that uWSGI's router builds and sends runs", async () => {
  await using site = await makeSite(
    'spooler-task = name=net echo "over the net: $SPOOL_A, $SPOOL_REQUEST_METHOD"',
    "socket = 127.0.0.1:0",
  );
  await using program = await site.start();
  const port = portIn(await program.line(/ socket 127\.0\.0\.1:\d+$/));
  // It turns an HTTP request into a packet for us. Our answer is no HTTP, so it is not handed on.
  await using router = Program.launch("uwsgi", [
    ...["--plugin", "router_uwsgi", "--http-socket", "127.0.0.1:0"],
    ...["--route-run", "addvar:ud_spool_func=net", "--route-run", "addvar:a=b"],
    ...["--route-run", `uwsgi:127.0.0.1:${port},17,0`],
  ]);
  await router.line(/spawned uWSGI worker 1/);
  const [, routerPort] = /TCP address 127\.0\.0\.1:(\d+)/.exec(router.log) ?? [];
  using connection = await Deno.connect({ hostname: "127.0.0.1", port: Number(routerPort) });
  await connection.write(new TextEncoder().encode("GET / HTTP/1.0\r\n\r\n"));
  await program.line(/net\| over the net: b, GET$/);
});

testWith("uwsgi", "a packet from a uWSGI app is answered as uWSGI answers, and runs", async () => {
  await using site = await makeSite(
    'spooler-task = name=net echo "over the net: $SPOOL_A"',
    "socket = 127.0.0.1:0",
  );
  await using program = await site.start();
  const port = portIn(await program.line(/ socket 127\.0\.0\.1:\d+$/));
  const answer = join(site.dir, "answer");
  const good = encodePacket(varsOf({ ud_spool_func: "net", a: "b" }), 17);
  const bad = encodePacket(varsOf({ ud_spool_func: "net", priority: "../x" }), 17);
  await runInUwsgi(
    site.dir,
    `
import uwsgi
def answer(packet):
    fd = uwsgi.connect("127.0.0.1:${port}")
    uwsgi.send(fd, packet)
    return uwsgi.recv(fd, 4).hex()
with open(${JSON.stringify(answer)}, "w") as out:
    print(answer(bytes([${good.join()}])), answer(bytes([${bad.join()}])), file=out)
`,
  );
  assertEquals(await Deno.readTextFile(answer), "ff000001 ff000000\n");
  await program.line(/net\| over the net: b$/);
});

testWith(
  "uwsgi",
  "a uWSGI app reaches us on a unix socket, by path and by abstract name",
  async () => {
    const name = `spooler-test-${crypto.randomUUID()}`;
    await using site = await makeSite(
      'spooler-task = name=net echo "from $SPOOL_WAY"',
      ...["socket = in.sock", `socket = @${name}`],
    );
    await using program = await site.start();
    const packet = (way: string) => [...encodePacket(varsOf({ ud_spool_func: "net", way }), 17)];
    await runInUwsgi(
      site.dir,
      `
import uwsgi
for address, packet in ((${JSON.stringify(join(site.dir, "in.sock"))}, bytes(${
        JSON.stringify(packet("path"))
      })), ("@${name}", bytes(${JSON.stringify(packet("name"))}))):
    fd = uwsgi.connect(address)
    uwsgi.send(fd, packet)
    assert uwsgi.recv(fd, 4).hex() == "ff000001"
`,
    );
    await program.line(/from path/);
    await program.line(/from name/);
  },
);

testWith("uwsgi", "uwsgi --ping finds us alive", async () => {
  await using site = await makeSite("socket = 127.0.0.1:0");
  await using program = await site.start();
  const port = portIn(await program.line(/ socket 127\.0\.0\.1:\d+$/));
  const { code } = await new Deno.Command("uwsgi", {
    args: ["--plugin", "ping", "--ping", `127.0.0.1:${port}`],
    stdout: "null",
    stderr: "null",
  }).output();
  assertEquals(code, 0);
});

testWith("uwsgi", "while uWSGI's spooler runs a task, its file cannot be claimed", async () => {
  await using temp = await tempDir();
  const store = await openStore(join(temp.path, "spool"));
  const ref = await store.put({ vars: [] });
  const gate = join(temp.path, "gate");
  assertEquals((await new Deno.Command("mkfifo", { args: [gate] }).output()).code, 0);
  await using uwsgi = await startUwsgiSpooler(
    temp.path,
    store.dir,
    `
import uwsgi, sys
def spooler(env):
    print("held", file=sys.stderr, flush=True)
    open(${JSON.stringify(gate)}).read()
    print("let go", file=sys.stderr, flush=True)
    return uwsgi.SPOOL_RETRY
uwsgi.spooler = spooler
`,
  );
  await uwsgi.line(/^held/);
  assertEquals(store.claim(ref).kind, "busy");
  await Deno.writeTextFile(gate, "go");
  await uwsgi.line(/^let go/);
});

/** Waits for a file that is put in place as a whole; returns its text. */
async function appears(path: string): Promise<string> {
  const deadline = performance.now() + PATIENCE_MS;
  while (performance.now() < deadline) {
    try {
      return await Deno.readTextFile(path);
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
  throw new Error(`${path} did not appear`);
}
