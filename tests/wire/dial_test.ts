import { dial } from "../../src/wire/dial.ts";
import { assertEquals, assertRejects, assertStringIncludes } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";
import { quietPort } from "../support/port.ts";
import "../support/kept_library.ts";

const NO_FILES = { ca: null, own: null };

Deno.test("who does not shake hands in time is not waited for", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const accepting = listener.accept();
  const address = { kind: "tcp", host: "127.0.0.1", port } as const;
  const clock = new FakeClock();
  const dialling = assertRejects(
    () => dial({ address, tls: NO_FILES, timeoutMs: 3_600_000, clock }),
    Error,
  );
  using socket = await accepting;
  clock.advance(3_600_000);
  const { message } = await dialling;
  assertEquals(message, `connect to tls://127.0.0.1:${port}: no connection within 3600 s`);
  assertEquals(clock.pending, 0);
  // Somebody who never answers must not keep a descriptor of ours for ever.
  while (await socket.read(new Uint8Array(4096)) !== null);
});

Deno.test("what cannot be reached is named, with the reason", async () => {
  const port = quietPort();
  const clock = new FakeClock();
  const failed = async (options: Parameters<typeof dial>[0]) =>
    (await assertRejects(() => dial(options), Error)).message;
  const tcp = { kind: "tcp", host: "127.0.0.1", port } as const;
  assertStringIncludes(
    await failed({ address: tcp, timeoutMs: 1000, clock }),
    `connect to 127.0.0.1:${port}: Connection refused`,
  );
  const unix = { kind: "unix", path: "/nowhere/at/all.sock" } as const;
  assertStringIncludes(
    await failed({ address: unix, timeoutMs: 1000, clock }),
    "connect to /nowhere/at/all.sock: ",
  );
  assertStringIncludes(
    await failed({
      address: tcp,
      tls: { ca: "/nowhere/ca.pem", own: null },
      timeoutMs: 1000,
      clock,
    }),
    "read /nowhere/ca.pem: ",
  );
  assertStringIncludes(
    await failed({ address: unix, tls: NO_FILES, timeoutMs: 1000, clock }),
    "TLS needs a host and a port",
  );
});
