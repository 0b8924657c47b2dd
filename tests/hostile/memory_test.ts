/** What peers send is held in memory that is bounded, however many they are. */

import { existsSync } from "node:fs";
import { join } from "@std/path";
import { encodePacket, KEEP_OPEN, MODIFIER_SPOOL, WITH_BODY } from "../../src/wire/packet.ts";
import { encodeBodySize } from "../../src/wire/reader.ts";
import { assert } from "../support/assert.ts";
import { closeAll, LATER, MIB, peakMemory, startSite } from "../support/hostile.ts";
import { executable, type Program, programLabel } from "../support/program.ts";
import { portIn } from "../support/site.ts";
import { makeTlsParties } from "../support/certificates.ts";
import { testWith } from "../support/require.ts";
import { varsOf } from "../support/store.ts";
import { tempDir } from "../support/temp.ts";
import { until } from "../support/until.ts";

/** The buffers of packets are 4 MiB; what is made of them, and of garbage, is a few times that. */
const LARGEST_GROWTH = 150 * MIB;
/** Of the executable, with all that it is: the source runs in a Deno whose garbage is its own affair. */
const LARGEST = 150 * MIB;

function assertBounded(program: Program, before: number): void {
  const peak = peakMemory(program);
  const growth = peak - before;
  assert(growth < LARGEST_GROWTH, `${Math.round(growth / MIB)} MiB more than before`);
  if (executable) assert(peak <= LARGEST, `${Math.round(peak / MIB)} MiB`);
}

testWith(
  "libc",
  `${programLabel}: 400 connections that pipeline 64 KiB take no memory`,
  async () => {
    await using running = await startSite();
    await running.serveOthers();
    const before = peakMemory(running.program);
    const packet = encodePacket(
      varsOf({ ...LATER, fill: "x".repeat(65_000) }),
      MODIFIER_SPOOL,
      KEEP_OPEN,
    );
    const connections = await Promise.all(Array.from({ length: 400 }, () => running.connect()));
    let answers = 0;
    const talks = connections.map(async (connection) => {
      const reading = (async () => {
        const buffer = new Uint8Array(4096);
        for (
          let count = await connection.read(buffer);
          count;
          count = await connection.read(buffer)
        ) {
          answers += count;
        }
      })();
      for (let n = 0; n < 10; n++) {
        for (let at = 0; at < packet.length;) at += await connection.write(packet.subarray(at));
      }
      await connection.closeWrite();
      await reading;
    });
    await Promise.all(talks.map((talk) => talk.catch(() => {})));
    await until(() => answers > 0, "some are answered");
    closeAll(connections);
    assertBounded(running.program, before);
  },
);

testWith("libc", `${programLabel}: a body of 32 MiB for stdin=json takes no memory`, async () => {
  const size = 32 * MIB;
  await using running = await startSite(
    "spooler-task = name=json,stdin=json wc -c >size.tmp; mv size.tmp size",
  );
  await running.serveOthers();
  const before = peakMemory(running.program);
  using connection = await running.connect();
  const packet = encodePacket(varsOf({ ud_spool_func: "json" }), MODIFIER_SPOOL, WITH_BODY);
  const nuls = new Uint8Array(MIB);
  for (const part of [packet, encodeBodySize(size), ...Array(32).fill(nuls)]) {
    for (let at = 0; at < part.length;) at += await connection.write(part.subarray(at));
  }
  const count = join(running.site.dir, "size");
  await until(() => existsSync(count), "the command has read all of it");
  // A NUL is six characters in JSON.
  assert(Number(await Deno.readTextFile(count)) > 6 * size);
  assertBounded(running.program, before);
  await running.program.line(/json \S+ done/);
  await running.assertNothingElse();
});

testWith(
  "openssl",
  `${programLabel}: 3,000 TLS handshakes that break or stop take no memory`,
  async () => {
    await using temp = await tempDir();
    await makeTlsParties(temp.path);
    const files = ["server.pem", "server.key", "ca.pem"].map((name) => join(temp.path, name));
    await using running = await startSite(`suwsgi-socket = 127.0.0.2:0,${files.join(",")}`);
    await running.serveOthers();
    const port = portIn(await running.program.line(/ socket 127\.0\.0\.2:\d+$/));
    const before = peakMemory(running.program);
    const noise = Uint8Array.from({ length: 205 }, (_, n) => [22, 3, 1, 0, 200][n] ?? n);
    const open: Deno.Conn[] = [];
    for (let n = 0; n < 3000; n++) {
      const connection = await Deno.connect({ hostname: "127.0.0.2", port });
      open.push(connection);
      if (n % 2 === 0) await connection.write(noise).catch(() => {});
      if (open.length > 300) open.shift()?.close();
    }
    await running.serveOthers();
    closeAll(open);
    assertBounded(running.program, before);
    await running.assertNothingElse();
  },
);
