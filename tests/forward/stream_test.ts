/** Tasks to a stream of a real nats-server. */

import { decodeHeader, decodeVars, findText, HEADER_SIZE } from "../../src/wire/packet.ts";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { ForwardSite } from "../support/forward.ts";
import { NatsServer, type StoredMessage } from "../support/nats.ts";
import { CuttingProxy } from "../support/proxy.ts";
import { testWith } from "../support/require.ts";
import { until } from "../support/until.ts";

/** What a message says as a task. */
function taskOf({ data }: StoredMessage) {
  const { size } = decodeHeader(data);
  const end = HEADER_SIZE + size;
  return { vars: decodeVars(data.subarray(HEADER_SIZE, end)), body: data.subarray(end) };
}

/** What has become of tasks but that they are done. */
const notDone = (site: ForwardSite) =>
  site.of("task.settled").map(({ fate }) => fate).filter(({ kind }) => kind !== "done");

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

testWith(
  "nats",
  "a task is one message: its bytes, its id, its function as the subject",
  async () => {
    await using server = await NatsServer.start();
    await server.create("jobs");
    await using site = await ForwardSite.start({ targets: [server.address("jobs")] });
    const body = new TextEncoder().encode("the body");
    await site.put({ ud_spool_func: "app.send mail", to: "a@example.org", spooler: "x" }, body);
    await site.put({ plain: "1", spooler: server.address("jobs") });
    await site.drained();
    const messages = (await server.messages("jobs")).toSorted((a, b) =>
      a.subject < b.subject ? 1 : -1
    );
    assertEquals(messages.map(({ subject }) => subject), ["jobs.app%2Esend%20mail", "jobs.%"]);
    const [first, second] = messages.map(taskOf);
    assertEquals(findText(first?.vars ?? [], "to"), "a@example.org");
    assertEquals(findText(first?.vars ?? [], "spooler"), "x");
    assertEquals(text(first?.body ?? new Uint8Array(0)), "the body");
    assertEquals(second?.vars.map(({ name }) => text(name)), ["plain"]);
    for (const { id } of messages) assertMatch(id, /^uwsgi_spoolfile_on_.*:[0-9a-f]{24}$/);
  },
);

testWith("nats", "a body above max_payload goes through the object store", async () => {
  await using server = await NatsServer.start("max_payload: 65536");
  await server.create("jobs");
  await using site = await ForwardSite.start({ targets: [server.address("jobs")] });
  const body = crypto.getRandomValues(new Uint8Array(60_000));
  const large = new Uint8Array(1_000_003).map((_, i) => i * 7 % 251);
  await site.put({ ud_spool_func: "small" }, body);
  await site.put({ ud_spool_func: "large" }, large);
  await site.drained();
  const messages = await server.messages("jobs");
  const find = (subject: string) => messages.find((each) => each.subject === subject);
  const small = find("jobs.small");
  assert(small);
  assertEquals(taskOf(small).body, body);
  const stored = find("jobs.large");
  assert(stored);
  assertEquals(taskOf(stored).body.length, 0);
  assertEquals(stored.headers["Spooler-Body"], stored.id);
  const link = await server.link("jobs");
  assertEquals(await (await link.bodies()).getBlob(stored.id), large);
  link.close();
  await link.ended();
});

testWith(
  "nats",
  "a connection cut at any byte of a publish and its answer stores a task once",
  async () => {
    await using server = await NatsServer.start();
    await server.create("jobs");
    await using proxy = new CuttingProxy(server.port);
    await using site = await ForwardSite.start({ targets: [`nats://${proxy.address}/jobs`] });
    // The whole way in has some 800 bytes; the publish and its answer are the last of them.
    const cuts = [
      ...Array.from({ length: 20 }, (_, i) => ({ direction: "up" as const, after: 60 * i + 7 })),
      ...Array.from({ length: 20 }, (_, i) => ({ direction: "down" as const, after: 120 * i + 1 })),
    ];
    for (const [i, cut] of cuts.entries()) {
      proxy.cutNext(cut);
      await site.put({ ud_spool_func: `f${i}` });
      await site.drained();
    }
    assert(proxy.cuts > 10, `${proxy.cuts} cuts`);
    const messages = await server.messages("jobs");
    assertEquals(messages.map(({ subject }) => subject), cuts.map((_, i) => `jobs.f${i}`));
  },
);

testWith(
  "nats",
  "without the stream tasks wait, and go within a second of its creation",
  async () => {
    await using server = await NatsServer.start();
    await using site = await ForwardSite.start({ targets: [server.address("jobs")] });
    await site.put({ ud_spool_func: "f" });
    const { reason } = await site.event("target.down");
    assertEquals(
      reason,
      `there is no stream jobs; make it by spooler stream create ${server.address("jobs")}`,
    );
    assertEquals(notDone(site), []);
    await server.create("jobs");
    await site.event("target.up");
    await site.drained();
    assertEquals((await server.messages("jobs")).length, 1);
  },
);

testWith("nats", "a full stream makes tasks wait, and none of them fails", async () => {
  await using server = await NatsServer.start();
  await server.create("jobs", { maxTasks: 2 });
  await using site = await ForwardSite.start({ targets: [server.address("jobs")] });
  for (let i = 0; i < 4; i++) await site.put({ ud_spool_func: "f" });
  const { reason } = await site.event("target.down");
  assertEquals(reason, "it accepts no tasks: jobs is full");
  await until(() => site.left().length === 2, "two tasks are stored");
  // The target has its line; what was on its way has none.
  const returned = site.of("task.returned");
  assertEquals([returned.length > 0, returned.filter(({ isNews }) => isNews)], [true, []]);
  const link = await server.link("jobs");
  await link.manager.streams.purge("jobs");
  link.close();
  await link.ended();
  await site.drained();
  assertEquals(notDone(site), []);
});

testWith(
  "nats",
  "while the server is away tasks wait, and go within a second of its return",
  async () => {
    await using server = await NatsServer.start();
    await server.create("jobs");
    await using site = await ForwardSite.start({ targets: [server.address("jobs")] });
    await site.put({ ud_spool_func: "f" });
    await site.drained();
    await server.kill();
    await site.event("target.down");
    for (let i = 0; i < 20; i++) await site.put({ ud_spool_func: "f" });
    await server.start();
    await site.drained();
    assertEquals(site.of("target.up").length, 1);
    assertEquals((await server.messages("jobs")).length, 21);
  },
);

testWith("nats", "a server that is no nats-server is a target that is down", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    for await (const connection of listener) {
      await connection.write(new TextEncoder().encode("SSH-2.0-OpenSSH\r\n")).catch(() => {});
      connection.close();
    }
  })();
  const { port } = listener.addr;
  await using site = await ForwardSite.start({ targets: [`nats://127.0.0.1:${port}/jobs`] });
  await site.put({ ud_spool_func: "f" });
  const { reason } = await site.event("target.down");
  assertEquals(reason, `connect to 127.0.0.1:${port}: it is no NATS server`);
  await site.stop();
  listener.close();
  await serving;
});
