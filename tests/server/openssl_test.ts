/** Client certificates asked for by the machine's OpenSSL, whatever this Deno's node:tls can do. */

import { join } from "@std/path";
import { systemClock } from "../../src/platform/clock.ts";
import { TlsServer } from "../../src/platform/openssl.ts";
import type { PeerStream } from "../../src/server/stream.ts";
import { listenWithOpenSsl } from "../../src/server/openssl_listening.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "../support/assert.ts";
import { makeTlsParties } from "../support/certificates.ts";
import { testWith } from "../support/require.ts";
import { type TempDir, tempDir } from "../support/temp.ts";
import { until } from "../support/until.ts";

async function certificates(): Promise<TempDir> {
  const temp = await tempDir();
  await makeTlsParties(temp.path);
  return temp;
}

function openServer(dir: string, cert = "server.pem", key = "server.key", ca = "ca.pem") {
  const path = (name: string) => join(dir, name);
  const server = TlsServer.open({ cert: path(cert), key: path(key), ca: path(ca) });
  if (server instanceof TlsServer) return server;
  throw new Error(`no OpenSSL: ${server.unavailable}`);
}

interface Opened extends AsyncDisposable {
  /** Those that were let in, in order. */
  readonly admitted: PeerStream[];
  /** The next that is let in. */
  next(): Promise<PeerStream>;
  close(): Promise<void>;
  readonly port: number;
  readonly refused: string[];
}

function open(dir: string, limits: { timeoutMs?: number; maxHandshakes?: number } = {}): Opened {
  const refused: string[] = [];
  const listening = listenWithOpenSsl(
    { kind: "tcp", host: "127.0.0.1", port: 0 },
    openServer(dir),
    {
      backlog: 100,
      mode: 0o600,
      owner: null,
      libc: null,
      isAgain: false,
      timeoutMs: 4000,
      maxHandshakes: 100,
      ...limits,
      refused: (_from, { message }) => refused.push(message),
    },
  );
  const port = Number(listening.address.split(":").at(-1));
  const admitted: PeerStream[] = [];
  const serving = listening.serve({
    clock: systemClock,
    admit: (stream) => admitted.push(stream),
    troubled: () => {},
    gone: () => {},
  });
  let taken = 0;
  return {
    admitted,
    port,
    refused,
    next: async () => {
      const number = taken++;
      await until(() => admitted.length > number, "another connection is let in");
      return admitted[number] as PeerStream;
    },
    close: () => serving.close(),
    [Symbol.asyncDispose]: () => serving.close(),
  };
}

async function connect(dir: string, port: number, who?: string): Promise<Deno.TlsConn> {
  const read = (name: string) => Deno.readTextFileSync(join(dir, name));
  const own = who === undefined ? {} : { cert: read(`${who}.pem`), key: read(`${who}.key`) };
  const caCerts = [read("ca.pem")];
  const client = await Deno.connectTls({ hostname: "127.0.0.1", port, caCerts, ...own });
  try {
    await client.handshake();
    return client;
  } catch (error) {
    client.close();
    throw error;
  }
}

/** Everything until the peer says its end. */
async function readAll(read: (into: Uint8Array<ArrayBuffer>) => Promise<number | null>) {
  const parts: number[] = [];
  const buffer = new Uint8Array(10_000);
  for (let count = await read(buffer); count !== null; count = await read(buffer)) {
    parts.push(...buffer.subarray(0, count));
  }
  return Uint8Array.from(parts);
}

async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}

testWith("openssl", "bytes go both ways, and each side can say its end", async () => {
  await using temp = await certificates();
  await using server = open(temp.path);
  using client = await connect(temp.path, server.port, "client");
  const sent = Uint8Array.from({ length: 300_000 }, (_, i) => i * 7 + (i >> 8));
  const sending = writeAll(client, sent).then(() => client.closeWrite());
  const stream = await server.next();
  assertEquals([stream.ip, stream.credential], ["127.0.0.1", "certificate"]);
  assertMatch(stream.from, /^127\.0\.0\.1:\d+$/);
  assertEquals(await readAll((into) => stream.read(into)), sent);
  await sending;
  const answer = readAll((into) => client.read(into));
  await stream.write(sent);
  await stream.write(new Uint8Array(0));
  await stream.closeWrite();
  assertEquals(await answer, sent);
  stream.close();
  stream.close();
  await assertRejects(() => stream.read(new Uint8Array(1)), Deno.errors.BadResource);
  assertEquals(server.refused, []);
});

testWith(
  "openssl",
  "who has no certificate, or a stranger's, is refused with the reason",
  async () => {
    await using temp = await certificates();
    await using server = open(temp.path);
    const reasons: string[] = [];
    for (const who of [undefined, "stranger"]) {
      // TLS 1.3: the client believes to be in until it hears of the refusal.
      await assertRejects(async () => {
        using client = await connect(temp.path, server.port, who);
        await client.write(new Uint8Array(1));
        if ((await client.read(new Uint8Array(1))) === null) throw new Error("closed");
      }, Error);
      await until(() => server.refused.length > 0, "it is refused");
      reasons.push(...server.refused.splice(0));
    }
    assertEquals(reasons, [
      "TLS: peer did not return a certificate",
      "TLS: certificate verify failed",
    ]);
    // Nobody of them has arrived: the first that does is the client.
    using _client = await connect(temp.path, server.port, "client");
    (await server.next()).close();
  },
);

testWith(
  "openssl",
  "noise, and who says nothing, is refused; others are let in meanwhile",
  async () => {
    await using temp = await certificates();
    await using server = open(temp.path, { timeoutMs: 300 });
    using silent = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
    using noisy = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
    await noisy.write(new TextEncoder().encode("GET / HTTP/1.0\r\n\r\n"));
    using _client = await connect(temp.path, server.port, "client");
    (await server.next()).close();
    await until(() => server.refused.length === 2, "both are refused");
    const [late, noise] = server.refused.toSorted();
    assertStringIncludes(late ?? "", "TLS: ");
    assert(server.refused.includes("TLS: no handshake within 0.3 s"), `${server.refused}`);
    assert(late !== noise);
    assertEquals(await silent.read(new Uint8Array(1)).catch(() => null), null);
  },
);

testWith("openssl", "handshakes are limited, and silent ones keep nobody out", async () => {
  await using temp = await certificates();
  await using server = open(temp.path, { maxHandshakes: 2 });
  const silent = [];
  for (let i = 0; i < 2; i++) {
    silent.push(await Deno.connect({ hostname: "127.0.0.1", port: server.port }));
  }
  using _first = await connect(temp.path, server.port, "client");
  (await server.next()).close();
  const crowded = "TLS: dropped as the oldest of 2 unfinished handshakes";
  assertEquals(server.refused, [crowded]);
  for (const each of silent) each.close();
  await until(() => server.refused.length === 2, "the other has gone away");
  assertEquals(server.refused, [crowded, "TLS: the peer went away"]);
  using _second = await connect(temp.path, server.port, "client");
  (await server.next()).close();
});

testWith("openssl", "a socket that is closed amid handshakes ends all of them", async () => {
  await using temp = await certificates();
  for (let round = 0; round < 10; round++) {
    const { port, close, admitted } = open(temp.path);
    const clients = Array.from({ length: 8 }, async () => {
      const client = await connect(temp.path, port, "client");
      client.close();
    });
    // Whichever step they are at.
    for (let turn = 0; turn < round; turn++) await new Promise((resolve) => setTimeout(resolve));
    await close();
    // Who was let in before is the guest of whoever admitted him.
    for (const stream of admitted) stream.close();
    await Promise.allSettled(clients);
  }
});

testWith("openssl", "the end of the socket leaves open connections alone", async () => {
  await using temp = await certificates();
  const { admitted, port, next, close } = open(temp.path);
  using client = await connect(temp.path, port, "client");
  const stream = await next();
  await close();
  assertEquals(admitted.length, 1);
  await client.write(new Uint8Array([1, 2, 3]));
  const buffer = new Uint8Array(10);
  assertEquals(await stream.read(buffer), 3);
  stream.close();
});

testWith("openssl", "a file that is not what it should be is named", async () => {
  await using temp = await certificates();
  const { path } = temp;
  await Deno.writeTextFile(join(path, "empty.pem"), "");
  const { success } = await new Deno.Command("openssl", {
    args: ["ec", "-in", "server.key", "-aes128", "-passout", "pass:secret", "-out", "locked.key"],
    cwd: path,
    stderr: "null",
  }).output();
  assert(success, "the key is encrypted");
  const cases: [cert: string, key: string, ca: string, named: string][] = [
    ["empty.pem", "server.key", "ca.pem", "empty.pem: no start line"],
    ["server.pem", "client.key", "ca.pem", "client.key: key values mismatch"],
    ["server.pem", "locked.key", "ca.pem", "locked.key: "],
    ["server.pem", "server.key", "empty.pem", "empty.pem: "],
    ["none.pem", "server.key", "ca.pem", "none.pem: No such file or directory"],
  ];
  for (const [cert, key, ca, named] of cases) {
    const error = assertThrows(() => openServer(path, cert, key, ca), Error, join(path, named));
    assert(!String(error).includes("secret"));
  }
});

testWith("openssl", "what is closed throws, and calls nothing of OpenSSL any more", async () => {
  await using temp = await certificates();
  const server = openServer(temp.path);
  const connection = server.connection();
  connection.close();
  const bytes = new Uint8Array(16);
  const calls = [
    () => connection.peerName(),
    () => connection.handshake(),
    () => connection.read(bytes),
    () => connection.write(bytes),
    () => connection.push(bytes),
    () => connection.pull(bytes),
    () => connection.shutdown(),
  ];
  for (const call of calls) assertThrows(call, Error, "the connection is closed");
  // A second time it would free what is somebody else's.
  connection.close();
  server.close();
  server.close();
  assertThrows(() => server.connection(), Error, "the socket is closed");
});
