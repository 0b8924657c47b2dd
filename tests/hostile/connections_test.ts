/**
 * Peers that mean harm, against the running program: while each of them is at it, other clients are
 * served, memory stays bounded, and nothing of theirs is stored.
 */

import { join } from "@std/path";
import { isTaskName } from "../../src/spool/layout.ts";
import { sendTask } from "../../src/wire/client.ts";
import { encodePacket, KEEP_OPEN, MODIFIER_SPOOL, WITH_BODY } from "../../src/wire/packet.ts";
import { encodeBodySize } from "../../src/wire/reader.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { closeAll, descriptors, LATER, MIB, peakMemory, startSite } from "../support/hostile.ts";
import { commandLine, Program, programLabel } from "../support/program.ts";
import { testWith } from "../support/require.ts";
import { makeSite, portIn } from "../support/site.ts";
import { varsOf } from "../support/store.ts";
import { until } from "../support/until.ts";

/** Writes as much as the peer takes, until it has had enough of us. */
async function pour(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  try {
    while (true) await connection.write(bytes);
  } catch {
    // It hung up.
  }
}

testWith("libc", `${programLabel}: 2,000 idle connections and drips keep nobody out`, async () => {
  await using running = await startSite("socket-timeout = 60");
  const idle: Deno.Conn[] = [];
  for (let n = 0; n < 2000; n++) {
    const connection = await running.connect();
    idle.push(connection);
    if (n % 2 === 0) await connection.write(Uint8Array.of(MODIFIER_SPOOL));
  }
  await running.serveOthers();
  await until(() => descriptors(running.program) > 2000, "all are connected");
  await running.serveOthers();
  assert(peakMemory(running.program) < 400 * MIB, `${peakMemory(running.program)}`);
  closeAll(idle);
  await until(() => descriptors(running.program) < 200, "all are gone");
  await running.assertNothingElse();
});

testWith("libc", `${programLabel}: who sends nothing is hung up on`, async () => {
  await using running = await startSite("socket-timeout = 0.5");
  const idle: Deno.Conn[] = [];
  for (let n = 0; n < 50; n++) idle.push(await running.connect());
  const buffer = new Uint8Array(1);
  const ends = await Promise.all(idle.map((each) => each.read(buffer).catch(() => null)));
  assertEquals(ends, Array(50).fill(null));
  closeAll(idle);
  await running.assertNothingElse();
});

testWith("libc", `${programLabel}: more connections than allowed keep nobody out`, async () => {
  await using running = await startSite("spooler-max-connections = 50", "socket-timeout = 60");
  const idle: Deno.Conn[] = [];
  for (let n = 0; n < 400; n++) idle.push(await running.connect());
  await running.serveOthers();
  assert(descriptors(running.program) < 150, `${descriptors(running.program)}`);
  closeAll(idle);
  await running.assertNothingElse();
});

testWith("libc", `${programLabel}: few descriptors are not used up by connections`, async () => {
  await using site = await makeSite("socket = 127.0.0.1:0", "socket-timeout = 60");
  const [file, args] = commandLine(["--ini", site.ini]);
  const limited = ["-c", 'ulimit -n 120; exec "$0" "$@"', file, ...args];
  await using program = Program.launch("sh", limited);
  const port = portIn(await program.line(/ socket 127\.0\.0\.1:\d+$/));
  await program.line(/spooler-max-connections is \d+, not 4096/);
  const idle: Deno.Conn[] = [];
  for (let n = 0; n < 300; n++) idle.push(await Deno.connect({ hostname: "127.0.0.1", port }));
  for (let n = 0; n < 10; n++) {
    assert(await sendTask({ kind: "tcp", host: "127.0.0.1", port }, varsOf(LATER)));
  }
  closeAll(idle);
  assertEquals(await program.stop(), 0);
});

testWith("libc", `${programLabel}: a flood of short connections keeps nobody out`, async () => {
  await using running = await startSite();
  let isOver = false;
  const flood = Array.from({ length: 8 }, async (_, kind) => {
    for (let n = 0; n < 1250 && !isOver; n++) {
      try {
        using connection = await running.connect();
        if (kind % 2 === 0) await connection.write(Uint8Array.of(MODIFIER_SPOOL, 9, 0, 0, 1));
      } catch {
        // It was faster than the system could take.
      }
    }
  });
  await running.serveOthers(50);
  isOver = true;
  await Promise.all(flood);
  await running.serveOthers();
  await running.assertNothingElse();
});

testWith("libc", `${programLabel}: garbage, lies and readers that never read`, async () => {
  await using running = await startSite("socket-timeout = 1");
  const attackers: Deno.Conn[] = [];
  const pouring: Promise<void>[] = [];
  const attack = async (
    count: number,
    act: (connection: Deno.Conn, n: number) => Promise<unknown>,
  ) => {
    for (let n = 0; n < count; n++) {
      const connection = await running.connect();
      attackers.push(connection);
      await act(connection, n).catch(() => {});
    }
  };
  const ping = Uint8Array.of(100, 0, 0, KEEP_OPEN);
  const lie = encodePacket(varsOf({ n: "1" }), MODIFIER_SPOOL, WITH_BODY | KEEP_OPEN);
  const garbage = new Uint8Array(60_000).map((_, i) => (i * 7919) >> 3);
  const pings = new Uint8Array(60_000).map((_, i) => ping[i % 4] ?? 0);

  await attack(50, (connection) => connection.write(garbage));
  await attack(50, (connection) => connection.write(Uint8Array.of(17, 255, 255, 0)));
  await attack(50, async (connection) => {
    await connection.write(lie);
    await connection.write(encodeBodySize(60 * MIB));
    await connection.write(garbage);
  });
  await attack(50, async (connection) => {
    await connection.write(Uint8Array.of(17, 9, 0));
    await connection.closeWrite();
  });
  await running.serveOthers();
  // These ask without end and take no answer.
  await attack(20, (connection) => {
    pouring.push(pour(connection, pings));
    return Promise.resolve();
  });
  await running.serveOthers();
  closeAll(attackers);
  await Promise.all(pouring);
  await running.serveOthers();
  assert(peakMemory(running.program) < 400 * MIB, `${peakMemory(running.program)}`);
  const told = running.program.log.split("\n").filter((line) => line.includes("refused"));
  assert(told.length < 100, `${told.length} lines of refusals`);
  await running.assertNothingElse();
});

testWith("libc", `${programLabel}: a body of 300 MiB takes no memory`, async () => {
  await using running = await startSite("spooler-max-body = 1G");
  await running.serveOthers(1);
  const before = peakMemory(running.program);
  using connection = await running.connect();
  const packet = encodePacket(varsOf({ ...LATER, n: "big" }), MODIFIER_SPOOL, WITH_BODY);
  await connection.write(packet);
  await connection.write(encodeBodySize(300 * MIB));
  const piece = new Uint8Array(MIB);
  for (let n = 0; n < 300; n++) {
    for (let at = 0; at < piece.length;) at += await connection.write(piece.subarray(at));
  }
  const answer = new Uint8Array(4);
  await connection.read(answer);
  assertEquals([...answer], [255, 0, 0, 1]);
  assert(peakMemory(running.program) - before < 100 * MIB, `${peakMemory(running.program)}`);
  const sizes = [...Deno.readDirSync(running.site.spool)].filter(({ name }) => isTaskName(name))
    .map(({ name }) => Deno.statSync(join(running.site.spool, name)).size);
  assert(sizes.includes(packet.length + 300 * MIB), sizes.join());
});
