/** Leases of a real nats-server: what is pulled, given back and said, without a queue beside them. */

import { BodySweep } from "../../src/cluster/body_sweep.ts";
import { BODY_HEADER } from "../../src/nats/headers.ts";
import { parseStreamAddress } from "../../src/nats/stream_address.ts";
import { systemClock } from "../../src/platform/clock.ts";
import { encodePacket, findText, MODIFIER_SPOOL } from "../../src/wire/packet.ts";
import { assertEquals } from "../support/assert.ts";
import { LeaseSite, publish } from "../support/lease_site.ts";
import { NatsServer } from "../support/nats.ts";
import { quietPort } from "../support/port.ts";
import { CuttingProxy } from "../support/proxy.ts";
import { testWith } from "../support/require.ts";
import { claimNow, varsOf } from "../support/store.ts";
import { pause, until } from "../support/until.ts";
async function publishWithBody(server: NatsServer, body: Uint8Array): Promise<void> {
  using link = await server.link("jobs");
  await (await link.bodies()).putBlob({ name: "body" }, body);
  const headers = link.library.headers();
  headers.set(BODY_HEADER, "body");
  const packet = encodePacket(varsOf({ n: "large" }), MODIFIER_SPOOL);
  await link.jetstream.publish("jobs.%", packet, { headers });
  link.close();
  await link.ended();
}

const left = async (server: NatsServer) => (await server.messages("jobs")).length;

testWith("nats", "what was stopped is pulled again by the next start", async () => {
  await using server = await NatsServer.start();
  await server.create("jobs");
  await using site = await LeaseSite.make(server);
  site.leases.start(site.config);
  await publish(server, { n: "1" });
  await site.held(1);
  site.leases.stopPulling();
  await publish(server, { n: "2" });
  site.leases.start(site.config);
  for (const ref of await site.held(2)) site.done(ref);
  await until(async () => await left(server) === 0, "the stream is empty");
});

testWith("nats", "what ends after the stop is said, also when the server was away", async () => {
  await using server = await NatsServer.start();
  await server.create("jobs");
  await using site = await LeaseSite.make(server);
  site.leases.start(site.config);
  await publish(server, { n: "1" });
  const [ref] = await site.held(1);
  if (ref === undefined) return;
  // It runs.
  const claim = claimNow(site.store, ref);
  site.leases.stopPulling();
  await server.kill();
  await until(() => site.events.some(({ type }) => type === "target.down"), "it is down");
  await server.start();
  site.store.finish(claim);
  site.settle(ref, { kind: "done" });
  await until(async () => await left(server) === 0, "the stream is empty");
});

testWith(
  "nats",
  "at the end others get at once what was here, and what came meanwhile",
  async () => {
    await using server = await NatsServer.start();
    await server.create("jobs");
    await using first = await LeaseSite.make(server);
    // It asks for 8, so that the server owes it 5 when it ends.
    first.leases.start(first.config);
    await publish(server, { n: "1" }, { n: "2" }, { n: "3" });
    await first.held(3);
    await first.leases.end();
    assertEquals(first.files, []);
    const begun = performance.now();
    await using second = await LeaseSite.make(server);
    second.leases.start(second.config);
    await second.held(3);
    assertEquals(performance.now() - begun < 10_000, true);
  },
);

testWith(
  "nats",
  "a stop gives back what waits at once, and holds what runs, over a broken connection",
  async () => {
    await using server = await NatsServer.start();
    await server.create("jobs");
    await using proxy = new CuttingProxy(server.port);
    const address = parseStreamAddress(`nats://${proxy.address}/jobs`);
    await using first = await LeaseSite.make(server, { address, ackWaitMs: 1_000 });
    first.leases.start(first.config);
    await publish(server, { n: "1" }, { n: "2" }, { n: "3" });
    const [running] = await first.held(3);
    if (running === undefined) return;
    const claim = claimNow(first.store, running);
    first.leases.stopPulling();
    await first.held(1);
    proxy.hangUp();
    await using second = await LeaseSite.make(server, { ackWaitMs: 1_000 });
    second.leases.start(second.config);
    await second.held(2);
    // Longer than others wait for a heartbeat.
    await pause(1_500);
    assertEquals(second.files.length, 2);
    first.store.finish(claim);
    first.settle(running, { kind: "done" });
    for (const ref of second.files) second.done(ref);
    await until(async () => await left(server) === 0, "the stream is empty");
  },
);

testWith(
  "nats",
  "tasks with a priority come though as many others are here as may be, and more wait",
  async () => {
    await using server = await NatsServer.start();
    await server.create("jobs");
    await using site = await LeaseSite.make(server);
    await publish(server, ...Array.from({ length: 20 }, (_, i) => ({ n: String(i) })));
    site.leases.start(site.config);
    const { processes } = site.config.spool;
    await site.held(2 * processes);
    const urgent = { n: "urgent", priority: "3" };
    await publish(server, ...Array.from({ length: 2 * processes }, () => urgent));
    const held = await site.held(3 * processes);
    assertEquals(held.filter(({ priority }) => priority === "3").length, processes);
    for (const ref of held) site.done(ref);
  },
);

testWith("nats", "bodies that no task needs are swept away, and no others", async () => {
  await using server = await NatsServer.start();
  await server.create("jobs");
  using link = await server.link("jobs");
  const bodies = await link.bodies();
  for (const name of ["waits", "failed", "orphan"]) {
    await bodies.putBlob({ name }, new Uint8Array(200_000));
  }
  for (const [subject, body] of [["jobs.a", "waits"], ["jobs_failed.a", "failed"]] as const) {
    const headers = link.library.headers();
    headers.set(BODY_HEADER, body);
    await link.jetstream.publish(subject, "", { headers });
    await link.jetstream.publish(subject, "small");
  }
  // As an edge leaves it that is killed meanwhile.
  await link.jetstream.publish("$O.jobs_bodies.C.unknown", new Uint8Array(1000));
  const sweep = new BodySweep({ clock: systemClock, random: Math.random, link: () => link });
  assertEquals(await sweep.sweep(link), []);
  const old = -60_000;
  assertEquals(await sweep.sweep(link, old), ["orphan"]);
  await link.manager.streams.purge("jobs");
  assertEquals(await sweep.sweep(link, old), ["waits"]);
  const { state } = await link.manager.streams.info("OBJ_jobs_bodies", { subjects_filter: ">" });
  const pieces = Object.keys(state.subjects ?? {}).filter((subject) => subject.includes(".C."));
  assertEquals(pieces.length, 1);
  link.close();
  await link.ended();
});

testWith("nats", "settings that change while it connects leave one connection", async () => {
  const port = quietPort();
  await using server = await NatsServer.start(`http: "127.0.0.1:${port}"`);
  await server.create("jobs");
  const connections = async () => {
    const response = await fetch(`http://127.0.0.1:${port}/connz`);
    return (await response.json()).num_connections as number;
  };
  await using site = await LeaseSite.make(server);
  for (const func of ["a", "b", "c"]) site.leases.start({ ...site.config, functions: [func] });
  using link = await server.link("jobs");
  await until(
    () => link.manager.consumers.info("jobs", "spooler-c").then(() => true, () => false),
    "it has the consumer of the last settings",
  );
  link.close();
  await link.ended();
  await until(async () => await connections() === 1, "there is one connection");
  await site.leases.end();
  await until(async () => await connections() === 0, "there is none");
});

testWith("nats", "nobody else gets a task before its file is gone here", async () => {
  await using server = await NatsServer.start();
  await server.create("jobs");
  await using site = await LeaseSite.make(server, { ackWaitMs: 1_000 });
  site.leases.start(site.config);
  await publish(server, { n: "1" });
  const [ref] = await site.held(1);
  if (ref === undefined) return;
  // Whoever has run it still has it locked: nobody else gets it meanwhile.
  const claim = claimNow(site.store, ref);
  site.settle(ref, { kind: "deferred", dueAt: systemClock.now() + 50, reason: "later" });
  await using other = await LeaseSite.make(server, { ackWaitMs: 1_000 });
  other.leases.start(other.config);
  await pause(500);
  assertEquals(other.files, []);
  claim.release();
  await until(() => other.files.length + site.files.length === 1, "somebody has it again");
});

testWith("nats", "a task whose file an operator removes is done for the stream, too", async () => {
  await using server = await NatsServer.start();
  await server.create("jobs");
  await using site = await LeaseSite.make(server);
  site.leases.start({ ...site.config, ackWaitMs: 1_000 });
  await publish(server, { n: "1" });
  const [ref] = await site.held(1);
  if (ref) await site.store.remove(ref);
  await until(async () => await left(server) === 0, "the stream is empty");
});

testWith("nats", "a task that gives way to another here is over, and the other stays", async () => {
  await using server = await NatsServer.start();
  await server.create("jobs");
  await using site = await LeaseSite.make(server, { ackWaitMs: 1_000 });
  site.leases.start(site.config);
  const task = { spooler_unique: "report" };
  await publish(server, { n: "1", ...task });
  const [ref] = await site.held(1);
  if (ref === undefined) return;
  await publish(server, { n: "2", ...task });
  await until(async () => await left(server) === 1, "one of them is over");
  assertEquals(site.files, [ref]);
  site.done(ref);
  await until(async () => await left(server) === 0, "the stream is empty");
});

testWith(
  "nats",
  "what ends here after the servers have lost it does not end another with its number",
  async () => {
    await using server = await NatsServer.start();
    await server.create("jobs");
    await using site = await LeaseSite.make(server);
    site.leases.start(site.config);
    // As many as there is room for: nothing else is pulled meanwhile.
    const most = 2 * site.config.spool.processes;
    await publish(server, ...Array.from({ length: most }, (_, n) => ({ n: `old ${n}` })));
    const old = await site.held(most);
    await server.kill();
    await Deno.remove(`${server.dir}/store`, { recursive: true });
    await server.start();
    await server.create("jobs");
    await publish(server, { n: "new" });
    await until(() => site.events.some(({ type }) => type === "target.up"), "it is up");
    for (const ref of old) site.done(ref);
    const [ref] = await site.held(1);
    if (ref === undefined) return;
    assertEquals(findText(site.store.varsOf(ref) ?? [], "n"), "new");
    assertEquals(await left(server), 1);
    site.done(ref);
    await until(async () => await left(server) === 0, "the stream is empty");
  },
);

testWith("nats", "another ack-wait is that of the consumer from then on", async () => {
  await using server = await NatsServer.start();
  await server.create("jobs");
  await using site = await LeaseSite.make(server);
  site.leases.start(site.config);
  using link = await server.link("jobs");
  const waits = async () => {
    const { config } = await link.manager.consumers.info("jobs", "spooler");
    return (config.ack_wait ?? 0) / 1_000_000_000;
  };
  await until(async () => await waits().catch(() => 0) === 30, "there is a consumer");
  site.leases.start({ ...site.config, ackWaitMs: 5_000 });
  await until(async () => await waits() === 5, "it waits for 5 s");
  assertEquals(site.events, []);
  link.close();
  await link.ended();
});

testWith("nats", "a large body that the connection breaks off is read again", async () => {
  await using server = await NatsServer.start();
  await server.create("jobs");
  await publishWithBody(server, new Uint8Array(3_000_000).map((_, i) => i * 7 % 251));
  await using proxy = new CuttingProxy(server.port);
  const address = parseStreamAddress(`nats://${proxy.address}/jobs`);
  await using site = await LeaseSite.make(server, { address, ackWaitMs: 1_000 });
  proxy.cutNext({ direction: "down", after: 1_000_000 });
  site.leases.start(site.config);
  const [ref] = await site.held(1);
  assertEquals(proxy.cuts, 1);
  if (ref) site.done(ref);
  await until(async () => await left(server) === 0, "the stream is empty");
});

/** What docs/cluster.md says of a user that runs tasks. */
const PERMISSIONS = `permissions: {
  publish: [
    "$JS.API.>", "$JS.ACK.jobs.>", "$JS.FC.OBJ_jobs_bodies.>",
    "jobs.>", "jobs_failed.>", "jobs_attempts.>", "$O.jobs_bodies.>"
  ],
  subscribe: ["_INBOX.>"]
}`;

testWith("nats", "a user that runs tasks needs no more than the document says", async () => {
  await using server = await NatsServer.start(`
    no_auth_user: admin
    authorization { users: [
      { user: admin, password: a }
      { user: worker, password: w, ${PERMISSIONS} }
    ] }`);
  await server.create("jobs");
  const proof = { kind: "user", user: "worker", password: "w" } as const;
  await using site = await LeaseSite.make(server, { access: { proof, ca: null } });
  site.leases.start(site.config);
  await publish(server, { n: "1" });
  const [first] = await site.held(1);
  if (first === undefined) return;
  const now = systemClock.now();
  const [firstFailureAt, lastFailureAt] = [now, now];
  const attempts = { failures: 1, firstFailureAt, lastFailureAt, reason: "no", stderr: "" };
  site.store.defer(claimNow(site.store, first), now, attempts);
  site.settle(first, { kind: "deferred", dueAt: now, reason: "no" });
  await until(() => site.files.some(({ name }) => name !== first.name), "it comes again");
  const [again] = await site.held(1);
  if (again === undefined) return;
  assertEquals(site.store.attemptsOf(again)?.failures, 1);
  site.store.fail(claimNow(site.store, again), "no", attempts);
  site.settle(again, { kind: "failed", reason: "no" });
  await until(async () => (await server.messages("jobs_failed")).length === 1, "it is given up");
  await publishWithBody(server, new Uint8Array(3_000_000));
  const [large] = await site.held(1);
  if (large) site.done(large);
  await until(async () => await left(server) === 0, "the stream is empty");
  await until(
    async () => (await server.messages("OBJ_jobs_bodies")).length === 1,
    "no body is left",
  );
  assertEquals((await server.messages("jobs_attempts")).length, 0);
  assertEquals(site.events, []);
});
