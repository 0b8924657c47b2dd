/** The pause of a stream, as programs see it: they hear of it, and do not ask again and again. */

import { hasPauseEntry, writePause } from "../../src/cluster/stream_pause.ts";
import { NatsLink } from "../../src/nats/link.ts";
import { createStream } from "../../src/nats/stream.ts";
import { parseStreamAddress } from "../../src/nats/stream_address.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { LeaseSite, publish } from "../support/lease_site.ts";
import { closed, NatsServer, WISH } from "../support/nats.ts";
import { CuttingProxy } from "../support/proxy.ts";
import { testWith } from "../support/require.ts";
import { until } from "../support/until.ts";

const ACK_WAIT_MS = 1_000;
/** Of a task that is held: three within ack-wait. */
const HEARTBEATS = 6;

testWith("nats", "a program hears of a pause and of its end, without asking", async () => {
  await using server = await NatsServer.start();
  await server.create("jobs");
  const link = await server.link("jobs");
  let reads = 0;
  link.connection.subscribe("$JS.API.STREAM.MSG.GET.jobs_attempts", {
    callback: () => void reads++,
  });
  let heartbeats = 0;
  link.connection.subscribe("$JS.ACK.jobs.>", { callback: () => void heartbeats++ });
  await link.connection.flush();
  await using site = await LeaseSite.make(server, { ackWaitMs: ACK_WAIT_MS });
  site.leases.start(site.config);
  await publish(server, { n: "1" });
  await site.held(1);
  const before = reads;
  await until(() => heartbeats >= HEARTBEATS, "heartbeats");
  assert(reads <= before + 1, `${reads - before} reads within ${HEARTBEATS} heartbeats`);

  await writePause(link, Date.now());
  await until(() => site.store.paused, "it is paused");
  await publish(server, { n: "2" });
  await writePause(link, null);
  await until(() => !site.store.paused, "it goes on");
  await site.held(2);
  assertEquals(site.store.paused, false);
  await closed(link);
});

testWith("nats", "what changed while the connection was away is seen by the next one", async () => {
  await using server = await NatsServer.start();
  await server.create("jobs");
  await using proxy = new CuttingProxy(server.port);
  const address = parseStreamAddress(`nats://${proxy.address}/jobs`);
  await using site = await LeaseSite.make(server, { address });
  site.leases.start(site.config);
  await publish(server, { n: "1" });
  await site.held(1);
  const link = await server.link("jobs");
  await writePause(link, Date.now());
  await until(() => site.store.paused, "it is paused");
  proxy.hangUp();
  await writePause(link, null);
  await until(() => !site.store.paused, "it goes on");
  proxy.hangUp();
  await writePause(link, Date.now());
  await until(() => site.store.paused, "it is paused again");
  await writePause(link, null);
  await until(() => !site.store.paused, "and goes on");
  await closed(link);
});

testWith("nats", "a login that may not hear of a pause works all the same", async () => {
  await using server = await NatsServer.start(`authorization { users: [
    { user: deaf, password: x, permissions: { subscribe: { deny: ["jobs_attempts.>"] } } }
    { user: all, password: x }
  ] }`);
  const proofOf = (user: string) => ({ kind: "user", user, password: "x" }) as const;
  const address = parseStreamAddress(server.address("jobs"));
  const access = { proof: proofOf("all"), ca: null };
  const link = await NatsLink.open({ address, access, timeoutMs: 5_000 });
  await createStream(link, WISH);
  await writePause(link, Date.now());
  await writePause(link, null);
  assertEquals(await hasPauseEntry(link), true);
  await using site = await LeaseSite.make(server, {
    access: { proof: proofOf("deaf"), ca: null },
  });
  site.leases.start(site.config);
  await link.jetstream.publish("jobs.a", new Uint8Array([17, 0, 0, 0]));
  await site.held(1);
  await closed(link);
});
