/** TLS, with and without client certificates. */

import { join } from "@std/path";
import { encodePacket, KEEP_OPEN, MODIFIER_SPOOL, WITH_BODY } from "../../src/wire/packet.ts";
import { encodeBodySize } from "../../src/wire/reader.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { makeTlsParties } from "../support/certificates.ts";
import { openReception, Peer, type TestReception, YES } from "../support/reception.ts";
import { testWith } from "../support/require.ts";
import { seenNames, varsOf } from "../support/store.ts";
import { until } from "../support/until.ts";
import { tempDir } from "../support/temp.ts";

const task = (modifier2 = 0) => encodePacket(varsOf({ n: "1" }), MODIFIER_SPOOL, modifier2);

async function certificates() {
  const temp = await tempDir();
  await makeTlsParties(temp.path);
  const path = (name: string) => join(temp.path, name);
  return { path, [Symbol.asyncDispose]: () => temp[Symbol.asyncDispose]() };
}

type Certificates = Awaited<ReturnType<typeof certificates>>;

async function connectTls(
  { port }: TestReception,
  { path }: Certificates,
  who?: string,
): Promise<Peer> {
  const read = (name: string) => Deno.readTextFileSync(path(name));
  const own = who === undefined ? {} : { cert: read(`${who}.pem`), key: read(`${who}.key`) };
  const caCerts = [read("ca.pem")];
  return new Peer(await Deno.connectTls({ hostname: "127.0.0.1", port, caCerts, ...own }));
}

testWith("openssl", "tasks and bodies come in over TLS", async () => {
  await using files = await certificates();
  await using reception = await openReception({
    ini: [`suwsgi-socket = 127.0.0.1:0,${files.path("server.pem")},${files.path("server.key")}`],
  });
  using peer = await connectTls(reception, files);
  const body = new Uint8Array(200_000).fill(7);
  await peer.send(task(KEEP_OPEN | WITH_BODY), encodeBodySize(body.length), body, task());
  assertEquals(await peer.answer(), YES);
  assertEquals(await peer.answer(), YES);
  assertEquals(await peer.answer(), null);
  assertEquals(seenNames(reception.store).length, 2);
  using plain = await reception.connect();
  await plain.send(task());
  const rest = await plain.rest().catch(() => "");
  assert(!rest.includes("ff000001"));
  await until(() => reception.refusals().length > 0, "the plain packet is refused");
  assertEquals(seenNames(reception.store).length, 2);
});

testWith("openssl", "with a CA, only its clients get in", async () => {
  await using files = await certificates();
  const socket = ["server.pem", "server.key", "ca.pem"].map(files.path).join();
  const ini = [`suwsgi-socket = 127.0.0.1:0,${socket}`];
  await using reception = await openReception({ ini });
  using peer = await connectTls(reception, files, "client");
  const body = new Uint8Array(3_000_000).fill(7);
  await peer.send(task(KEEP_OPEN | WITH_BODY), encodeBodySize(body.length), body, task(KEEP_OPEN));
  assertEquals([await peer.answer(), await peer.answer()], [YES, YES]);
  const pickled = varsOf({ ud_spool_func: "f", args: "(t.", kwargs: "(d." });
  await peer.send(encodePacket(pickled, MODIFIER_SPOOL, KEEP_OPEN));
  assertEquals(await peer.answer(), YES, "its certificate vouches for what it pickles");
  for (const who of [undefined, "stranger"]) {
    // TLS 1.3: the client believes to be in until it hears of the refusal.
    await assertRejects(async () => {
      using other = await connectTls(reception, files, who);
      await other.send(task());
      if ((await other.answer()) === null) throw new Error("closed");
    }, Error);
  }
  assertEquals(seenNames(reception.store).length, 3);
  await until(() => reception.refusals().length === 2, "both are refused");
  assert(reception.refusals().every((line) => line.startsWith("denied: TLS: ")));
});

testWith("openssl", "a file that is no certificate is named", async () => {
  await using files = await certificates();
  await Deno.writeTextFile(files.path("empty.pem"), "");
  await assertRejects(
    () =>
      openReception({
        ini: [`suwsgi-socket = 127.0.0.1:0,${files.path("empty.pem")},${files.path("server.key")}`],
      }),
    Error,
  );
});
