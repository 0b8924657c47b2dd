/** Sockets of the running program: who may listen where, and who may talk. */

import { join } from "@std/path";
import { sendTask } from "../../src/wire/client.ts";
import { encodePacket, MODIFIER_SPOOL, type Var } from "../../src/wire/packet.ts";
import { deliveryVars } from "../../src/wire/signature.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { makeAuthority, makeCertificate, makeTlsParties } from "../support/certificates.ts";
import { programLabel, spooler } from "../support/program.ts";
import { Peer } from "../support/reception.ts";
import { testWith } from "../support/require.ts";
import { makeSite, portIn } from "../support/site.ts";
import { varsOf } from "../support/store.ts";

const test = (name: string, body: () => Promise<void>) =>
  Deno.test(`${programLabel}: ${name}`, body);

const HELLO = 'spooler-task = name=hello echo "Hello, $SPOOL_NAME!"';
const hello = (name: string) => varsOf({ ud_spool_func: "hello", name });
const LISTENS = / socket \S+:\d+$/;

async function answerTo(connection: Deno.Conn, vars: readonly Var[]): Promise<string> {
  using peer = new Peer(connection);
  await peer.send(encodePacket(vars, MODIFIER_SPOOL));
  return await peer.rest();
}

test("a socket that others can reach does not start until somebody says who may talk", async () => {
  await using site = await makeSite("socket = 0.0.0.0:0");
  const { code, stderr } = await spooler(["--ini", site.ini]);
  assertEquals(code, 2);
  assertStringIncludes(stderr, `${site.ini}:3: socket would take tasks from anyone`);
  for (const way of ["spooler-allow", "spooler-secret", "suwsgi-socket"]) {
    assertStringIncludes(stderr, way);
  }
  await using open = await makeSite("socket = 0.0.0.0:0", "spooler-allow = any");
  await using program = await open.start();
  const port = portIn(await program.line(LISTENS));
  assert(await sendTask({ kind: "tcp", host: "127.0.0.1", port }, hello("x")));
});

test("a stale unix socket is replaced, a live one is left alone", async () => {
  await using site = await makeSite(HELLO, "socket = in.sock");
  const path = join(site.dir, "in.sock");
  const killed = await site.start();
  await killed.kill();
  assert(Deno.lstatSync(path).isSocket, "a killed program leaves its socket");

  await using program = await site.start();
  await using second = await makeSite(`socket = ${path}`);
  const { code, stderr } = await spooler(["--ini", second.ini]);
  assert(code !== 0);
  assertStringIncludes(stderr, `site.ini:3: socket ${path}: in use by a running spooler (pid `);
  assert(await sendTask({ kind: "unix", path }, hello("again")));
  await program.line(/Hello, again!/);

  await using third = await makeSite(`socket = ${site.ini}`);
  const file = await spooler(["--ini", third.ini]);
  assertStringIncludes(file.stderr, "a file that is not a socket is in the way");
  assert(Deno.lstatSync(site.ini).isFile);
});

test("a unix socket whose file is removed is made again, before and after a reload", async () => {
  await using site = await makeSite(HELLO, "socket = run/in.sock", "chmod-socket = 600");
  const path = join(site.dir, "run/in.sock");
  await Deno.mkdir(join(site.dir, "run"));
  await using program = await site.start();
  const made = / socket \S+in\.sock: its file was removed; made it again$/;
  const greet = async (name: string) => {
    assert(await sendTask({ kind: "unix", path }, hello(name)));
    await program.line(new RegExp(`Hello, ${name}!`));
  };
  using connected = new Peer(await Deno.connect({ transport: "unix", path }));
  await Deno.remove(path);
  await program.line(made);
  await greet("again");
  // Who was connected stays so.
  await connected.send(encodePacket(hello("before"), MODIFIER_SPOOL));
  assertEquals(await connected.rest(), "ff000001");
  await program.line(/Hello, before!/);

  program.signal("SIGHUP");
  await program.line(/ ready$/, 2);
  await Deno.remove(join(site.dir, "run"), { recursive: true });
  await program.line(/its file was removed and cannot be made again: .*No such file/i);
  await Deno.mkdir(join(site.dir, "run"));
  await program.line(made, 2);
  await greet("reloaded");
  assertEquals(((await Deno.lstat(path)).mode ?? 0) & 0o777, 0o600);
  assertEquals(await program.stop(), 0);
  assertEquals([...Deno.readDirSync(join(site.dir, "run"))], []);
});

test("with a secret only signed tasks run, and the log keeps the secret", async () => {
  const secret = "correct horse battery staple";
  await using site = await makeSite(
    HELLO,
    "socket = 127.0.0.1:0",
    "spooler-secret = @(key)",
    "spooler-name = hub",
  );
  await Deno.writeTextFile(join(site.dir, "key"), `${secret}\n`);
  await using program = await site.start();
  const port = portIn(await program.line(LISTENS));
  const connect = () => Deno.connect({ hostname: "127.0.0.1", port });
  const delivery = { id: "task-1", to: "hub", sentAt: Date.now() };
  assertEquals(await answerTo(await connect(), hello("nobody")), "ff000000");
  const forged = deliveryVars(hello("forger"), delivery, "a guess at the secret");
  assertEquals(await answerTo(await connect(), forged), "ff000000");
  const signed = deliveryVars(hello("friend"), delivery, secret);
  // The answers to what is signed are signed: 79 bytes of vars, or more with a reason.
  assertMatch(await answerTo(await connect(), signed), /^ff4f00010b00/);
  assertMatch(await answerTo(await connect(), signed), /^ff..0000/);
  await program.line(/Hello, friend!/);
  await program.line(/refused a packet from 127\.0\.0\.1:\d+: it is not signed/);
  await program.line(/: the signature is wrong/);
  await program.line(/: the signature was used before/);
  assertEquals(await program.stop(), 0);
  assert(!/nobody!|forger!|correct horse/.test(program.log), program.log);
  const { stdout } = await spooler(["check", "--json", site.ini]);
  assert(!stdout.includes("correct horse"), stdout);
});

test("a signature that was used before a reload is refused after it", async () => {
  const secret = "correct horse battery staple";
  await using site = await makeSite(
    HELLO,
    "socket = in.sock",
    `spooler-secret = ${secret}`,
    "spooler-name = hub",
  );
  const path = join(site.dir, "in.sock");
  await using program = await site.start();
  const connect = () => Deno.connect({ transport: "unix", path });
  const delivery = { id: "task-1", to: "hub", sentAt: Date.now() };
  const signed = deliveryVars(hello("friend"), delivery, secret);
  assertMatch(await answerTo(await connect(), signed), /^ff4f00010b00/);
  program.signal("SIGHUP");
  await program.line(/ ready$/, 2);
  assertMatch(await answerTo(await connect(), signed), /^ff..0000/);
  await program.line(/: the signature was used before/);
  assertEquals(await program.stop(), 0);
});

test("a delivery that is repeated after a restart runs once", async () => {
  await using site = await makeSite(HELLO, "socket = 127.0.0.1:0");
  const vars = deliveryVars(hello("once"), { id: "task-1", sentAt: Date.now() }, null);
  const logs: string[] = [];
  for (let n = 0; n < 2; n++) {
    await using program = await site.start();
    const port = portIn(await program.line(LISTENS));
    const connection = await Deno.connect({ hostname: "127.0.0.1", port });
    assertEquals(await answerTo(connection, vars), "ff000001");
    await program.line(
      n === 0 ? /hello \S+ done/ : /hello from \S+ was already accepted \(task-1\)/,
    );
    assertEquals(await program.stop(), 0);
    logs.push(program.log);
  }
  assertEquals(logs.join("\n").match(/Hello, once!/g)?.length, 1);
});

testWith("openssl", `${programLabel}: TLS`, async () => {
  await using site = await makeSite(
    HELLO,
    "suwsgi-socket = 127.0.0.1:0,server.pem,server.key",
  );
  await makeAuthority(site.dir, "ca");
  await makeCertificate(site.dir, "server", "ca");
  await using program = await site.start();
  const port = portIn(await program.line(LISTENS));
  const caCerts = [await Deno.readTextFile(join(site.dir, "ca.pem"))];
  const connection = await Deno.connectTls({ hostname: "localhost", port, caCerts });
  assertEquals(await answerTo(connection, hello("TLS")), "ff000001");
  await program.line(/Hello, TLS!/);
});

testWith("openssl", `${programLabel}: TLS with client certificates`, async () => {
  await using site = await makeSite(
    HELLO,
    "suwsgi-socket = 127.0.0.1:0,server.pem,server.key,ca.pem",
  );
  await makeTlsParties(site.dir);
  await using program = await site.start();
  const port = portIn(await program.line(LISTENS));
  const read = (name: string) => Deno.readTextFileSync(join(site.dir, name));
  const caCerts = [read("ca.pem")];
  for (const who of [null, "stranger", "client"]) {
    const own = who === null ? {} : { cert: read(`${who}.pem`), key: read(`${who}.key`) };
    const connection = await Deno.connectTls({ hostname: "localhost", port, caCerts, ...own });
    const answer = await answerTo(connection, hello(who ?? "nobody")).catch(() => "");
    assertEquals(answer, who === "client" ? "ff000001" : "");
    if (who !== "client") await program.line(/refused a packet from 127\.0\.0\.1:\d+: TLS: \S+/);
  }
  await program.line(/Hello, client!/);
  assert(!/Hello, (nobody|stranger)!/.test(program.log));
  assertEquals(await program.stop(), 0);
});

testWith("ss", `${programLabel}: the backlog is the one of listen`, async () => {
  await using site = await makeSite("listen = 7", "socket = 127.0.0.1:0", "socket = in.sock");
  await using program = await site.start();
  const port = portIn(await program.line(LISTENS));
  const { stdout } = await new Deno.Command("ss", { args: ["-lntx"] }).output();
  const lines = new TextDecoder().decode(stdout).split("\n");
  for (const name of [`127.0.0.1:${port}`, join(site.dir, "in.sock")]) {
    assertMatch(lines.find((line) => line.includes(`${name} `)) ?? "", /LISTEN\s+0\s+7\s/, name);
  }
});

testWith("root", `${programLabel}: unix sockets have the owner and mode of the ini`, async () => {
  await using site = await makeSite(
    ...["socket = in.sock", "chown-socket = nobody:12345", "chmod-socket = 606"],
  );
  await using program = await site.start();
  await program.line(/ socket \S+in\.sock$/);
  const { uid, gid, mode } = Deno.lstatSync(join(site.dir, "in.sock"));
  assertEquals([uid, gid, (mode ?? 0) & 0o777], [65534, 12345, 0o606]);
});

test("an owner that is nobody is an error at the start", async () => {
  await using site = await makeSite("socket = in.sock", "chown-socket = no-such-user");
  const { code, stderr } = await spooler(["--ini", site.ini]);
  assert(code !== 0);
  assertStringIncludes(stderr, 'site.ini:4: chown-socket: this machine has no user "no-such-user"');
});
