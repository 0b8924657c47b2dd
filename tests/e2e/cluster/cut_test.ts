/**
 * The network is cut at a byte of a publish and of an acknowledgement, on the way there or back: a proxy
 * stands before the server for the edge, and one for the worker. SPOOLER_CLUSTER_CUTS=all takes every
 * byte.
 */

import { join } from "@std/path";
import { assert, assertEquals } from "../../support/assert.ts";
import { deliver, Machine, RunLedger } from "../../support/cluster_site.ts";
import { closed, NatsServer } from "../../support/nats.ts";
import { quietPort } from "../../support/port.ts";
import { programLabel } from "../../support/program.ts";
import { type Cut, CuttingProxy } from "../../support/proxy.ts";
import { testWith } from "../../support/require.ts";
import { tempDir } from "../../support/temp.ts";
import { pause, until } from "../../support/until.ts";

const IS_LONG = Deno.env.get("SPOOLER_CLUSTER_CUTS") === "all";
/** The short form takes so many of each direction. */
const SOME = 4;
/** Lengths differ from one exchange to the next: times and numbers are written in digits. */
const SLACK = 40;
/** For what is still on its way when a worker waits for work. It asks about a pause again and again. */
const IDLE_MS = 100;

testWith(
  "nats",
  `${programLabel}: a cut at any byte of a publish or an acknowledgement loses and doubles nothing`,
  async () => {
    await using temp = await tempDir();
    await using server = await NatsServer.start();
    await server.create("jobs");
    await using before = new CuttingProxy(server.port);
    await using behind = new CuttingProxy(server.port);
    const proxies = [before, behind];
    const ledger = new RunLedger(join(temp.path, "ledger"));
    const port = quietPort();
    await using edge = await Machine.start(join(temp.path, "edge"), [
      `spooler-forward = out nats://${before.address}/jobs`,
      `socket = 127.0.0.1:${port}`,
    ]);
    await using worker = await Machine.start(
      join(temp.path, "worker"),
      [`spooler-stream = nats://${behind.address}/jobs,ack-wait=1`, "spooler-import = tasks.ts"],
      { "tasks.ts": ledger.typescript("worker") },
    );
    const link = await server.link("jobs");
    const isEmpty = async () => (await link.manager.streams.info("jobs")).state.messages === 0;
    let count = 0;
    const send = async () => {
      const n = ++count;
      assert(await deliver(port, n));
      await until(async () => ledger.has(n) && await isEmpty(), `task ${n} has run`);
    };

    // How much goes over each connection until it waits for work, and with the first task.
    const positions = () => proxies.map(({ passed }) => ({ ...passed }));
    const idle = async () => {
      await until(async () => {
        const { num_waiting } = await link.manager.consumers.info("jobs", "spooler");
        return num_waiting > 0 && proxies.every(({ passed }) => passed.down > 0);
      }, "both connections wait for work");
      await pause(IDLE_MS);
      return positions();
    };
    await send();
    for (const proxy of proxies) proxy.hangUp();
    const start = await idle();
    await send();
    const end = positions();

    /** @param at from 0 for the first byte to 1 for the last */
    const cutAt = async (direction: Cut["direction"], afterOf: (proxy: number) => number) => {
      for (const [i, proxy] of proxies.entries()) {
        proxy.cutNext({ direction, after: afterOf(i) });
      }
      await send();
    };
    for (const direction of ["up", "down"] as const) {
      const first = (proxy: number) => Math.max(0, (start[proxy]?.[direction] ?? 0) - SLACK);
      const length = (proxy: number) => (end[proxy]?.[direction] ?? 0) + SLACK - first(proxy);
      const most = Math.max(length(0), length(1));
      const steps = IS_LONG ? most : SOME;
      for (let step = 0; step < steps; step++) {
        await cutAt(
          direction,
          (proxy) =>
            IS_LONG
              ? first(proxy) + Math.min(step, length(proxy))
              : Math.round(first(proxy) + length(proxy) * step / SOME),
        );
      }
      if (IS_LONG) console.log(`${direction}: every one of ${most} bytes`);
    }
    const cuts = proxies.map((proxy) => proxy.cuts);
    if (IS_LONG) console.log(`${count} tasks, ${cuts.join(" and ")} cuts`);
    assert(cuts.every((each) => each >= SOME), `${cuts} cuts`);
    const runs = ledger.byNumber();
    assertEquals(runs.size, count);
    assertEquals([...runs.values()].filter(({ length }) => length !== 1), []);
    await closed(link);
    assertEquals(await Promise.all([edge.stop(), worker.stop()]), [0, 0]);
  },
);
