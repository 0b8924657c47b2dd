/** Requests to a real nats-server: who answers, who may not, and how those end that nobody answers. */

import { NatsLink } from "../../src/nats/link.ts";
import type { NatsAccess } from "../../src/nats/settings.ts";
import { parseStreamAddress } from "../../src/nats/stream_address.ts";
import { assertEquals, assertRejects } from "../support/assert.ts";
import { closed, NatsServer } from "../support/nats.ts";
import { testWith } from "../support/require.ts";

const EDGE: NatsAccess = { proof: { kind: "user", user: "edge", password: "x" }, ca: null };

async function withLink(
  timeoutMs: number,
  body: (link: NatsLink, server: NatsServer) => Promise<void>,
): Promise<void> {
  await using server = await NatsServer.start(`authorization { users: [
    { user: edge, password: x, permissions: { publish: { deny: ["closed.>"] } } }
  ] }`);
  const address = parseStreamAddress(server.address("jobs"));
  const link = await NatsLink.open({ address, access: EDGE, timeoutMs });
  try {
    await body(link, server);
  } finally {
    await closed(link);
  }
}

testWith(
  "nats",
  "requests are answered, whatever their order; nobody listens is an error",
  () =>
    withLink(5_000, async ({ connection, requests }) => {
      const held: (() => void)[] = [];
      connection.subscribe("echo", {
        callback: (_error, message) => {
          held.push(() => message.respond(message.data));
          // The last is answered first.
          if (held.length === 3) { for (const answer of held.reverse()) answer(); }
        },
      });
      const answers = ["a", "b", "c"].map((text) => requests.send("echo", text));
      assertEquals((await Promise.all(answers)).map((answer) => answer.string()), ["a", "b", "c"]);
      const error = await assertRejects(() => requests.send("nobody", ""), Error);
      assertEquals(error.message, "nobody listens to nobody");
    }),
);

testWith(
  "nats",
  "a request that may not be published says so; others go on",
  () =>
    withLink(5_000, async ({ connection, requests }) => {
      connection.subscribe("echo", { callback: (_error, message) => void message.respond("yes") });
      const [refused, answered] = await Promise.allSettled([
        requests.send("closed.door", ""),
        requests.send("echo", ""),
      ]);
      assertEquals(answered.status, "fulfilled");
      assertEquals(
        refused.status === "rejected" && refused.reason.message,
        `Permissions Violation for Publish to "closed.door"`,
      );
    }),
);

testWith(
  "nats",
  "a request without an answer ends after its timeout, or with its connection",
  () =>
    withLink(200, async ({ connection, requests }, server) => {
      connection.subscribe("silence", { callback: () => {} });
      const error = await assertRejects(() => requests.send("silence", ""), Error);
      assertEquals(error.message, "timeout");
      const open = assertRejects(() => requests.send("silence", ""), Error);
      await server.kill();
      await open;
    }),
);
