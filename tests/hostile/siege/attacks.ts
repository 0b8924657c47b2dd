/**
 * The attacks of a siege. Each is one hostile stream, played again and again by so many at a time;
 * a new one is a row of this table. They run in processes of their own (attacker.ts), so that what
 * they cost is not taken for a delay of the program.
 */

import { join } from "@std/path";
import { quietly } from "../../../src/platform/quietly.ts";
import { pause } from "../../support/until.ts";
import { type Attack, drain, send } from "./attack.ts";
import { HTTP_ATTACKS } from "./http_attacks.ts";
import {
  encodePacket,
  KEEP_OPEN,
  MODIFIER_PING,
  MODIFIER_SPOOL,
  WITH_BODY,
} from "../../../src/wire/packet.ts";
import { deliveryVars } from "../../../src/wire/signature.ts";
import { encodeBodySize } from "../../../src/wire/reader.ts";
import { varsOf } from "../../support/store.ts";
import { type Address, MIB } from "./target.ts";

const connect = ({ port }: Address) => Deno.connect({ hostname: "127.0.0.1", port });

/**
 * Bodies that wait at a time: they come faster than commands read them, and a siege takes half an hour on a
 * disk that others need, too.
 */
const MOST_WAITING_BYTES = 2048 * MIB;

async function untilFewWait({ spool }: Address): Promise<void> {
  const waiting = () =>
    [...Deno.readDirSync(spool)].reduce((sum, { name, isFile }) => {
      return sum + (isFile ? quietly(() => Deno.lstatSync(join(spool, name)).size) ?? 0 : 0);
    }, 0);
  while (waiting() > MOST_WAITING_BYTES) await pause(500);
}

/** A task with a body of `size` NULs. */
async function sendNuls(address: Address, func: string, size: number): Promise<void> {
  await untilFewWait(address);
  using connection = await connect(address);
  const vars = varsOf({ ud_spool_func: func });
  await send(connection, encodePacket(vars, MODIFIER_SPOOL, WITH_BODY), encodeBodySize(size));
  const piece = new Uint8Array(MIB);
  for (let left = size; left > 0; left -= piece.length) await send(connection, piece);
  await drain(connection);
}

const LARGE = "x".repeat(65_000);
let counter = 0;

export const ATTACKS: readonly Attack[] = [
  {
    name: "pipelined packets of 64 KiB",
    crowd: 400,
    async play(address) {
      using connection = await connect(address);
      const vars = varsOf({ spooler: address.victim, at: "4102444800", fill: LARGE });
      const packet = encodePacket(vars.slice(0, -1), MODIFIER_SPOOL, KEEP_OPEN);
      const large = encodePacket(
        [...vars.slice(0, -1), ...varsOf({ fill: LARGE.slice(0, 65_535 - packet.length - 50) })],
        MODIFIER_SPOOL,
        KEEP_OPEN,
      );
      drain(connection).catch(() => {});
      for (let n = 0; n < 64; n++) await send(connection, large);
      await pause(1000);
    },
  },
  {
    name: "pings without end that nobody reads the answers of",
    crowd: 20,
    async play(address) {
      using connection = await connect(address);
      const ping = encodePacket([], MODIFIER_PING, KEEP_OPEN);
      const pings = new Uint8Array(64 * 1024).map((_, i) => ping[i % ping.length] ?? 0);
      while (true) await send(connection, pings);
    },
  },
  {
    name: "an id that is repeated",
    crowd: 8,
    async play(address) {
      using connection = await connect(address);
      const vars = varsOf({ spooler: address.victim, n: "1", spooler_id: "always the same" });
      const same = varsOf({ spooler: address.victim, n: "1", spooler_id: "always-the-same" });
      drain(connection).catch(() => {});
      for (let n = 0; n < 200; n++) {
        const which = n % 10 === 0 ? vars : same;
        await send(connection, encodePacket(which, MODIFIER_SPOOL, KEEP_OPEN));
      }
      await pause(100);
    },
  },
  {
    name: "priorities, each a different one",
    crowd: 8,
    async play(address) {
      using connection = await connect(address);
      drain(connection).catch(() => {});
      for (let n = 0; n < 100; n++) {
        const vars = varsOf({ ud_spool_func: "count", n: "0", priority: String(++counter) });
        await send(connection, encodePacket(vars, MODIFIER_SPOOL, KEEP_OPEN));
      }
      await pause(200);
    },
  },
  {
    name: "a spool that is full",
    crowd: 8,
    async play(address) {
      using connection = await connect(address);
      const vars = varsOf({ spooler: address.victim, at: "4102444800", n: "1" });
      await send(connection, encodePacket(vars, MODIFIER_SPOOL));
      await drain(connection);
    },
  },
  {
    name: "TLS handshakes that break",
    crowd: 100,
    pauseMs: 10,
    async play({ tlsPort }) {
      using connection = await Deno.connect({ hostname: "127.0.0.1", port: tlsPort });
      // A record that says it is a handshake, and noise in it.
      const noise = crypto.getRandomValues(new Uint8Array(200));
      await send(connection, Uint8Array.of(22, 3, 1, 0, 200), noise);
      await drain(connection);
    },
  },
  {
    name: "TLS handshakes that stop",
    crowd: 400,
    async play({ tlsPort }) {
      using connection = await Deno.connect({ hostname: "127.0.0.1", port: tlsPort });
      await drain(connection);
    },
  },
  {
    name: "TLS handshakes that stop in the middle",
    crowd: 400,
    async play({ tlsPort }) {
      const hello = await clientHello();
      using connection = await Deno.connect({ hostname: "127.0.0.1", port: tlsPort });
      await send(connection, hello);
      await drain(connection);
    },
  },
  {
    name: "signatures that are forged, and none",
    crowd: 20,
    async play({ signedPort }) {
      using connection = await Deno.connect({ hostname: "127.0.0.1", port: signedPort });
      drain(connection).catch(() => {});
      const claims = { id: `forged-${++counter}`, to: "hub", sentAt: Date.now() };
      const task = varsOf({ ud_spool_func: "count", n: "forged" });
      const vars = [deliveryVars(task, claims, "another secret"), deliveryVars(task, claims, null)];
      for (const each of vars) {
        for (let n = 0; n < 20; n++) {
          await send(connection, encodePacket(each, MODIFIER_SPOOL, KEEP_OPEN));
        }
      }
      await pause(200);
    },
  },
  {
    name: "a crowd that says nothing",
    crowd: 1000,
    async play(address) {
      using connection = await connect(address);
      await drain(connection);
    },
  },
  {
    name: "bodies that never come",
    crowd: 50,
    async play(address) {
      using connection = await connect(address);
      const vars = varsOf({ spooler: address.victim, n: "1" });
      const packet = encodePacket(vars, MODIFIER_SPOOL, WITH_BODY | KEEP_OPEN);
      await send(connection, packet, encodeBodySize(100 * MIB), new Uint8Array(60_000));
      await drain(connection);
    },
  },
  {
    name: "garbage",
    crowd: 20,
    async play(address) {
      using connection = await connect(address);
      await send(connection, crypto.getRandomValues(new Uint8Array(20_000)));
      await drain(connection);
    },
  },
  {
    name: "bodies of 64 MiB for stdin=json",
    crowd: 4,
    pauseMs: 2000,
    async play(address) {
      await sendNuls(address, "json", 64 * MIB);
    },
  },
  {
    name: "bodies of 100 MiB of NULs for a module",
    crowd: 1,
    pauseMs: 3000,
    async play(address) {
      await sendNuls(address, "body", 100 * MIB);
    },
  },
  {
    name: "connections that are reset",
    crowd: 1,
    play: (address, signal) => playPython(RESETS, address.port, signal),
  },
  ...HTTP_ATTACKS,
];

/** What a client says first, as Deno's does. */
let hello: Promise<Uint8Array> | null = null;
function clientHello(): Promise<Uint8Array> {
  return hello ??= (async () => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const client = Deno.connectTls({ hostname: "127.0.0.1", port: listener.addr.port });
    client.then((connection) => connection.close(), () => {});
    using connection = await listener.accept();
    const buffer = new Uint8Array(4096);
    return buffer.slice(0, await connection.read(buffer) ?? 0);
  })();
}

/** Deno cannot reset a connection. */
const RESETS = `
import os, socket, struct, sys, time
parent = os.getppid()
while os.getppid() == parent:
    try:
        c = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
        c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        c.close()
    except OSError: pass
    time.sleep(0.005)
`;

async function playPython(code: string, port: number, signal: AbortSignal): Promise<void> {
  const child = new Deno.Command("python3", {
    args: ["-c", code, String(port)],
    stdout: "null",
    stderr: "null",
    signal,
  }).spawn();
  await child.status;
}
