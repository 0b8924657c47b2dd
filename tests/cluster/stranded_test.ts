/** Messages that servers have lost sight of: numbers that come again, and a consumer that is ahead. */

import { openConsumers } from "../../src/cluster/consumer.ts";
import { StrandedSweep } from "../../src/cluster/stranded.ts";
import { NatsLink } from "../../src/nats/link.ts";
import { parseStreamAddress } from "../../src/nats/stream_address.ts";
import { systemClock } from "../../src/platform/clock.ts";
import { assertEquals, assertMatch } from "../support/assert.ts";
import { closed, NatsServer } from "../support/nats.ts";
import { testWith } from "../support/require.ts";

const STORE = "store/jetstream/$G/streams/jobs/msgs";

async function publish(link: NatsLink, from: number, to: number): Promise<void> {
  for (let n = from; n <= to; n++) {
    await link.jetstream.publish("jobs.note", String(n), { msgID: `id-${n}` });
  }
}

/** What the consumer gives out now, all of it acknowledged. */
async function given(link: NatsLink): Promise<string[]> {
  const consumer = await link.jetstream.consumers.get("jobs", "spooler");
  const messages = await consumer.fetch({ max_messages: 100, expires: 1_000 });
  const texts: string[] = [];
  for await (const message of messages) {
    texts.push(message.string());
    await message.ackAck();
    if (message.info.pending === 0) break;
  }
  return texts;
}

/** A server that has given out 5 messages, and then lost all messages, but not what it knows of its consumer. */
async function forgetful(settings = ""): Promise<NatsServer> {
  const server = await NatsServer.start(settings);
  await server.create("jobs");
  const link = await server.link("jobs");
  await openConsumers(link, { functions: null, ackWaitMs: 30_000 });
  await publish(link, 1, 5);
  assertEquals((await given(link)).length, 5);
  await closed(link);
  // It writes down what it knows of its consumer.
  await server.stop();
  await Deno.remove(`${server.dir}/${STORE}`, { recursive: true });
  await server.start();
  return server;
}

function sweepOf(link: NatsLink, warnings: string[]): StrandedSweep {
  return new StrandedSweep({
    ...{ clock: systemClock, random: Math.random, link: () => link },
    consumers: () => ["spooler_priority", "spooler"],
    warn: (message) => void warnings.push(message),
  });
}

testWith(
  "nats-2.10",
  "messages whose numbers were those of lost ones are put again, each once",
  async () => {
    await using server = await forgetful();
    const link = await server.link("jobs");
    await publish(link, 11, 16);
    assertEquals(await given(link), ["16"]);
    const warnings: string[] = [];
    const [sweep, other] = [sweepOf(link, warnings), sweepOf(link, [])];
    await sweep.sweep(link);
    await other.sweep(link);
    // Once is not enough: an acknowledgement may be under way.
    assertEquals((await server.messages("jobs")).length, 5);
    await sweep.sweep(link);
    await other.sweep(link);
    assertEquals(await given(link), ["11", "12", "13", "14", "15"]);
    assertEquals(await server.messages("jobs"), []);
    assertMatch(warnings.join("\n"), /^put 5 tasks into jobs again: /);
    await closed(link);
  },
);

testWith("nats-2.10", "a consumer that is ahead of its stream is made anew", async () => {
  await using server = await forgetful();
  const link = await server.link("jobs");
  await publish(link, 11, 13);
  const warnings: string[] = [];
  const sweep = sweepOf(link, warnings);
  for (let count = 0; count < 2; count++) await sweep.sweep(link);
  assertMatch(
    warnings.join("\n"),
    /^jobs has lost its last messages: it is at 3, its consumer spooler at 5;/,
  );
  await openConsumers(link, { functions: null, ackWaitMs: 30_000 });
  assertEquals(await given(link), ["11", "12", "13"]);
  await closed(link);
});

testWith(
  "nats-2.10",
  "a login that may not put messages again says that there are some",
  async () => {
    await using server = await forgetful(`
    no_auth_user: admin
    authorization { users: [
      { user: admin, password: a }
      { user: worker, password: w, permissions: { publish: ["$JS.API.>"], subscribe: ["_INBOX.>"] } }
    ] }`);
    const admin = await server.link("jobs");
    await publish(admin, 11, 16);
    assertEquals(await given(admin), ["16"]);
    const proof = { kind: "user", user: "worker", password: "w" } as const;
    const address = parseStreamAddress(server.address("jobs"));
    const access = { proof, ca: null };
    const link = await NatsLink.open({ address, access, timeoutMs: 10_000 });
    const warnings: string[] = [];
    const sweep = sweepOf(link, warnings);
    for (let count = 0; count < 4; count++) await sweep.sweep(link);
    assertEquals(warnings.length, 1);
    assertMatch(warnings[0] ?? "", /^jobs has messages .* may not put them again: /);
    assertEquals((await server.messages("jobs")).length, 5);
    await closed(link);
    await closed(admin);
  },
);
