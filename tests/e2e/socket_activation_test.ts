/** Sockets that a service manager opens: here by systemd's own systemd-socket-activate. */

import { join } from "@std/path";
import { encodePacket, MODIFIER_SPOOL } from "../../src/wire/packet.ts";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { makeTlsParties } from "../support/certificates.ts";
import { ACCEPTED } from "../support/peer.ts";
import { quietPort } from "../support/port.ts";
import { commandLine, Program, programLabel, spooler } from "../support/program.ts";
import { testWith } from "../support/require.ts";
import { makeSite, rewriteSite, type Site } from "../support/site.ts";
import { varsOf } from "../support/store.ts";

const test = (name: string, body: () => Promise<void>) =>
  testWith("activation", `${programLabel}: socket activation: ${name}`, body);

/** It becomes the program at the first connection. */
async function activate(site: Site, ...options: string[]): Promise<Program> {
  const [file, args] = commandLine(["--ini", site.ini]);
  const kept = ["PATH", "HOME", "DENO_DIR"].filter((name) => Deno.env.has(name));
  const env = kept.flatMap((name) => ["-E", `${name}=${Deno.env.get(name)}`]);
  const program = Program.launch("systemd-socket-activate", [...env, ...options, file, ...args]);
  await program.line(/^Listening on /);
  return program;
}

async function push(to: string, ...vars: string[]): Promise<void> {
  const sent = await spooler(["push", "--to", to, ...vars]);
  assertEquals([sent.stdout, sent.stderr], ["accepted\n", ""]);
}

const SHOW = "spooler-task = echo ran $SPOOL_N.$LISTEN_FDS$LISTEN_PID; ls /proc/self/fd | wc -l";

test("what the first client sends is accepted, over TCP, and nobody else is turned away", async () => {
  const to = `127.0.0.1:${quietPort()}`;
  await using site = await makeSite(`socket = ${to}`, SHOW);
  await using program = await activate(site, "-l", to);
  await push(to, "n=1");
  await program.line(new RegExp(` socket ${to}$`));
  await program.line(/\| ran 1\.$/);
  // Standard input, output, error, and the directory itself: the sockets are for no child.
  await program.line(/\| 4$/);
  for (const n of [2, 3]) await push(to, `n=${n}`);
  await program.line(/\| ran 3\.$/);
  await rewriteSite(site, "spooler-task = echo no socket");
  program.signal("SIGHUP");
  await program.line(/ ready$/, 2);
  // It listens though nobody accepts, and is served again.
  const waiting = push(to, "n=4");
  await rewriteSite(site, `socket = ${to}`, "spooler-task = echo back $SPOOL_N");
  program.signal("SIGHUP");
  await waiting;
  await program.line(/\| back 4$/);
  assertEquals(await program.stop(), 0);
});

test("a unix socket by the name of its unit stays where it is", async () => {
  await using site = await makeSite("socket = fd://tasks", "spooler-pickle = checked", SHOW);
  const path = join(site.dir, "in.sock");
  await using program = await activate(site, "-l", path, "--fdname=tasks");
  await push(path, "n=1");
  await program.line(/\| ran 1\.$/);
  assertEquals(await program.stop(), 0);
  assert((await Deno.stat(path)).isSocket, "the file is the service manager's");
});

test("TLS, with client certificates and without", async () => {
  for (const ca of ["", ",ca.pem"]) {
    const port = quietPort();
    await using site = await makeSite(
      `suwsgi-socket = fd://tls,server.pem,server.key${ca}`,
      "spooler-allow = 127.0.0.0/8",
      SHOW,
    );
    await makeTlsParties(site.dir);
    const read = (name: string) => Deno.readTextFileSync(join(site.dir, name));
    await using program = await activate(site, "-l", `127.0.0.1:${port}`, "--fdname=tls");
    for (const n of ["1", "2"]) {
      using connection = await Deno.connectTls({
        hostname: "127.0.0.1",
        port,
        caCerts: [read("ca.pem")],
        cert: read("client.pem"),
        key: read("client.key"),
      });
      await connection.write(encodePacket(varsOf({ n }), MODIFIER_SPOOL));
      const answer = new Uint8Array(ACCEPTED.length);
      await connection.read(answer);
      assertEquals(answer, ACCEPTED);
      await program.line(new RegExp(`\\| ran ${n}\\.$`));
    }
    assertEquals(await program.stop(), 0);
  }
});

test("a name that no unit has is an error, and a start by hand leaves the socket out", async () => {
  await using site = await makeSite("socket = fd://tasks", SHOW);
  const to = `127.0.0.1:${quietPort()}`;
  await using program = await activate(site, "-l", to, "--fdname=others");
  const [hostname = "", port] = to.split(":");
  using _connection = await Deno.connect({ hostname, port: Number(port) });
  await program.line(/site\.ini:3: socket needs FileDescriptorName= of .*: "fd:\/\/tasks"/);
  assertEquals(await program.ended(), 2);
  await using byHand = await site.start();
  assertMatch(byHand.log, /site\.ini:3: socket is left out: no service manager .*"fd:\/\/tasks"/);
  assertEquals(await byHand.stop(), 0);
});

test("a socket that everybody reaches needs somebody to be named who may send", async () => {
  await using site = await makeSite("socket = fd://tasks", SHOW);
  const port = quietPort();
  await using program = await activate(site, "-l", `0.0.0.0:${port}`, "--fdname=tasks");
  using _connection = await Deno.connect({ port });
  await program.line(/site\.ini:3: socket would take tasks from anyone who reaches it/);
  assertEquals(await program.ended(), 2);
});
