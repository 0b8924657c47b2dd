/** The streams as they are made, and what is said of servers on which a power cut may cost tasks. */

import type { StreamInfo } from "@nats-io/jetstream";
import { createStream, reportOn, stateOf } from "../../src/nats/stream.ts";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { closed, linkTo, NatsServer, WISH } from "../support/nats.ts";
import { NatsCluster } from "../support/nats_cluster.ts";
import { spooler } from "../support/program.ts";
import { testWith } from "../support/require.ts";
import { tempDir } from "../support/temp.ts";
import { join } from "@std/path";

const DAY_NS = 86_400 * 1e9;

/** A server behind which stands another one, and that says that it is of this version. */
function serverOfVersion(version: string, upstreamPort: number) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const open: Deno.Conn[] = [];
  const serve = async () => {
    for await (const client of listener) {
      const server = await Deno.connect({ hostname: "127.0.0.1", port: upstreamPort });
      open.push(client, server);
      client.readable.pipeTo(server.writable).catch(() => {});
      const renamed = new TransformStream<Uint8Array, Uint8Array>({
        transform(bytes, controller) {
          // Its line comes in one piece: at first, and from newer servers again after the login.
          const text = new TextDecoder().decode(bytes);
          if (!/(^|\n)INFO /.test(text)) return controller.enqueue(bytes);
          const said = text.replace(/"version":"2[^"]*"/, `"version":"${version}"`);
          assert(said !== text, text);
          controller.enqueue(new TextEncoder().encode(said));
        },
      });
      server.readable.pipeThrough(renamed).pipeTo(client.writable).catch(() => {});
    }
  };
  const serving = serve();
  return {
    address: `nats://127.0.0.1:${(listener.addr as Deno.NetAddr).port}/jobs`,
    async [Symbol.asyncDispose]() {
      listener.close();
      await serving;
      for (const conn of open) {
        try {
          conn.close();
        } catch {
          // The other side has ended it.
        }
      }
    },
  };
}

const WITHOUT_SYNC = /^server 2\.9\.25 accepts tasks before they are on its disk, and has no sync_/;
const ASKS_FOR_SYNC = /^one server has each task: set sync_interval: always there, or a power cut /;

for (
  const [version, warning] of [
    ["2.9.25", WITHOUT_SYNC],
    ["2.10.0", ASKS_FOR_SYNC],
    ["2.11.4", ASKS_FOR_SYNC],
    ["3.0.0-beta.1", ASKS_FOR_SYNC],
  ] as const
) {
  testWith("nats", `one server of version ${version} is told what it needs`, async () => {
    await using real = await NatsServer.start();
    await real.create("jobs");
    await using server = serverOfVersion(version, real.port);
    const link = await linkTo(server.address);
    const { server: said, warnings } = await reportOn(link, null);
    assertEquals([said, warnings.length], [version, 1]);
    assertMatch(warnings[0] ?? "", warning);
    await closed(link);
  });
}

Deno.test("a server that belongs to no cluster has one copy, whatever it was asked for, and no leader", () => {
  const state = { messages: 2, bytes: 10 };
  const info = (cluster?: Record<string, unknown>) =>
    ({ config: { name: "jobs", num_replicas: 3 }, state, cluster }) as unknown as StreamInfo;
  const lone = { name: "jobs", replicas: 1, messages: 2, bytes: 10, leader: null, behind: [] };
  assertEquals(stateOf(info()), lone);
  // So says 2.10.27.
  assertEquals(stateOf(info({ leader: "NDP3THSG" })), lone);
  const replicas = [{ name: "b", current: true }, { name: "c", current: false }];
  assertEquals(
    stateOf(info({ name: "tasks", leader: "a", replicas })),
    { ...lone, replicas: 3, leader: "a", behind: ["c"] },
  );
});

testWith("nats", "spooler check --connect says what a server of 2.11 needs", async () => {
  await using temp = await tempDir();
  await using real = await NatsServer.start();
  await real.create("jobs");
  await using server = serverOfVersion("2.11.4", real.port);
  const ini = join(temp.path, "site.ini");
  await Deno.writeTextFile(ini, `[uwsgi]\nspooler-forward = out ${server.address}\n`);
  const checked = await spooler(["check", "--connect", ini]);
  // Its lines end where the terminal does.
  const said = checked.stdout.replaceAll(/\s+/g, " ");
  assertMatch(said, /one server has each task: set sync_interval: always there, or a power cut/);
  assert(!said.includes("has no sync_interval"), checked.stdout);
});

testWith(
  "nats",
  "slots of jobs are kept by three servers as tasks are, and for 8 days",
  async () => {
    await using cluster = await NatsCluster.start();
    await cluster.create("jobs");
    const link = await cluster.link("jobs");
    const once = await link.manager.streams.info("jobs_once");
    assertEquals([once.config.num_replicas, once.config.max_age], [3, 8 * DAY_NS]);
    assertEquals((await reportOn(link, null)).warnings, []);

    // Made by hand, or by an earlier program.
    await link.manager.streams.update("jobs_once", { num_replicas: 1, max_age: 0 });
    const { warnings } = await reportOn(link, null);
    assertEquals(warnings.toSorted(), [
      `jobs_once has max_age 0, not ${8 * DAY_NS}`,
      "jobs_once has num_replicas 1, not 3",
    ]);
    const mended = await createStream(link, { ...WISH, replicas: 3 });
    assertEquals(mended.warnings, []);
    await closed(link);
  },
);

testWith("nats", "a stream that gets more replicas has its large bodies there, too", async () => {
  await using cluster = await NatsCluster.start();
  await cluster.create("first");
  const link = await linkTo(cluster.address("jobs"));
  await createStream(link, WISH);
  const bodies = async () => (await link.manager.streams.info("OBJ_jobs_bodies")).config;
  assertEquals((await bodies()).num_replicas, 1);
  await createStream(link, { ...WISH, replicas: 3 });
  assertEquals((await bodies()).num_replicas, 3);
  await closed(link);
});
