/** Forwarding to our own listener over TLS, with client certificates and with signatures. */

import { join } from "@std/path";
import { findText } from "../../src/wire/packet.ts";
import { assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { makeAuthority, makeCertificate } from "../support/certificates.ts";
import { ForwardSite } from "../support/forward.ts";
import { openReception, type TestReception } from "../support/reception.ts";
import { testWith } from "../support/require.ts";
import { claimNow } from "../support/store.ts";
import { tempDir } from "../support/temp.ts";

async function certificates() {
  const temp = await tempDir();
  for (const authority of ["ca", "other-ca"]) await makeAuthority(temp.path, authority);
  await makeCertificate(temp.path, "hub", "ca");
  await makeCertificate(temp.path, "edge", "ca");
  const path = (name: string) => join(temp.path, name);
  return {
    path,
    [Symbol.asyncDispose]: () => temp[Symbol.asyncDispose](),
  };
}

/** The values of `n` of the tasks that a hub has, and their bodies. */
function received({ store }: TestReception): [string, string][] {
  return [...store.scan()].flat().map((ref) => {
    const task = claimNow(store, ref);
    const body = new Uint8Array(task.bodySize);
    task.readBody(body, 0);
    task.release();
    return [findText(task.vars, "n") ?? "", new TextDecoder().decode(body)];
  });
}

testWith(
  "openssl",
  "tasks and bodies go over TLS to a hub with a certificate of our CA",
  async () => {
    await using files = await certificates();
    const socket = `127.0.0.1:0,${files.path("hub.pem")},${files.path("hub.key")}`;
    await using hub = await openReception({ ini: [`suwsgi-socket = ${socket}`] });
    await using site = await ForwardSite.start({
      targets: [`tls://127.0.0.1:${hub.port}`],
      tls: { ca: files.path("ca.pem"), own: null },
    });
    await site.put({ n: "1" });
    await site.put({ n: "2" }, new TextEncoder().encode("y".repeat(300_000)));
    await site.drained();
    assertEquals(received(hub).toSorted(), [["1", ""], ["2", "y".repeat(300_000)]]);
    assertEquals(site.of("target.down"), []);
  },
);

testWith("openssl", "a hub that the CA does not vouch for gets nothing", async () => {
  await using files = await certificates();
  const socket = `127.0.0.1:0,${files.path("hub.pem")},${files.path("hub.key")}`;
  await using hub = await openReception({ ini: [`suwsgi-socket = ${socket}`] });
  await using site = await ForwardSite.start({
    targets: [`tls://127.0.0.1:${hub.port}`],
    tls: { ca: files.path("other-ca.pem"), own: null },
  });
  await site.put({ n: "1" });
  assertMatch((await site.event("target.down")).reason, /tls:\/\/127\.0\.0\.1.*certificate/);
  assertEquals(received(hub), []);
  assertEquals(site.left().length, 1);
});

testWith("openssl", "a hub that needs client certificates gets ours, or nothing", async () => {
  await using files = await certificates();
  const socket = ["hub.pem", "hub.key", "ca.pem"].map(files.path).join();
  await using hub = await openReception({ ini: [`suwsgi-socket = 127.0.0.1:0,${socket}`] });
  const targets = [`tls://127.0.0.1:${hub.port}`];
  const ca = files.path("ca.pem");
  await using stranger = await ForwardSite.start({ targets, tls: { ca, own: null } });
  await stranger.put({ n: "1" });
  await stranger.event("target.down");
  const own = { cert: files.path("edge.pem"), key: files.path("edge.key") };
  await using site = await ForwardSite.start({ targets, tls: { ca, own } });
  await site.put({ n: "2" });
  await site.drained();
  assertEquals(received(hub), [["2", ""]]);
  assertEquals(stranger.left().length, 1);
});

testWith("openssl", "certificates are read anew for each connection", async () => {
  await using files = await certificates();
  const socket = `127.0.0.1:0,${files.path("hub.pem")},${files.path("hub.key")}`;
  await using hub = await openReception({ ini: [`suwsgi-socket = ${socket}`] });
  await using site = await ForwardSite.start({
    targets: [`tls://127.0.0.1:${hub.port}`],
    tls: { ca: files.path("current.pem"), own: null },
  });
  await site.put({ n: "1" });
  assertStringIncludes((await site.event("target.down")).reason, "current.pem");
  await Deno.copyFile(files.path("ca.pem"), files.path("current.pem"));
  await site.drained();
  assertEquals(received(hub), [["1", ""]]);
});

Deno.test("a hub with the same secret takes a task, one with another is down, and the log says why", async () => {
  await using hub = await openReception({ ini: ["spooler-secret = of two sides"] });
  const targets = [`127.0.0.1:${hub.port}`];
  await using wrong = await ForwardSite.start({ targets, secret: "of one side" });
  await wrong.put({ n: "1" });
  assertStringIncludes((await wrong.event("target.down")).reason, "not signed with our secret");
  assertEquals([wrong.of("task.settled"), wrong.left().length], [[], 1]);
  await using right = await ForwardSite.start({ targets, secret: "of two sides" });
  await right.put({ n: "2" }, new TextEncoder().encode("body"));
  await right.drained();
  assertEquals(received(hub), [["2", "body"]]);
});

Deno.test("a secret can be changed without a gap", async () => {
  const ini = ["spooler-secret = the newer secret", "spooler-secret = the older secret"];
  await using hub = await openReception({ ini });
  for (const secret of ["the older secret", "the newer secret"]) {
    await using site = await ForwardSite.start({ targets: [`127.0.0.1:${hub.port}`], secret });
    await site.put({ n: secret });
    await site.drained();
  }
  assertEquals(received(hub).length, 2);
});

Deno.test("a hub that is full keeps tasks waiting, and takes them when it has room", async () => {
  await using hub = await openReception({ ini: ["spooler-max-files = 3"] });
  await using site = await ForwardSite.start({ targets: [`127.0.0.1:${hub.port}`] });
  for (let i = 0; i < 10; i++) {
    await site.put({ n: String(i) });
    // What is on its way at the same time as the last one would be accepted with it.
    if (i < 3) await site.drained();
  }
  const down = await site.event("target.down");
  assertStringIncludes(down.reason, "it accepts no tasks: it holds 3 tasks (spooler-max-files)");
  const taken = new Set<string>();
  while (taken.size < 10) {
    for (const ref of [...hub.store.scan()].flat()) {
      const task = claimNow(hub.store, ref);
      taken.add(findText(task.vars, "n") ?? "");
      hub.store.finish(task);
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await site.drained();
  assertEquals(site.of("task.settled").filter(({ fate }) => fate.kind !== "done"), []);
});
