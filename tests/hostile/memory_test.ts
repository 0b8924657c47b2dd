/** What peers send is held in memory that is bounded, however many they are. */

import { encodePacket, KEEP_OPEN, MODIFIER_SPOOL } from "../../src/wire/packet.ts";
import { assert } from "../support/assert.ts";
import { closeAll, LATER, MIB, peakMemory, startSite } from "../support/hostile.ts";
import { programLabel } from "../support/program.ts";
import { testWith } from "../support/require.ts";
import { varsOf } from "../support/store.ts";
import { until } from "../support/until.ts";

/** The buffers of packets are 8 MiB; what is made of them, and of garbage, is a few times that. */
const LARGEST_GROWTH = 150 * MIB;

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
    const growth = peakMemory(running.program) - before;
    assert(growth < LARGEST_GROWTH, `${Math.round(growth / MIB)} MiB more than before`);
  },
);
