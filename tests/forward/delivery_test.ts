import fc from "fast-check";
import {
  deliveryId,
  deliveryOf,
  LARGEST_PACKET,
  type Sendable,
  type Sending,
  writeDelivery,
} from "../../src/forward/delivery.ts";
import { type Peer, SILENT, UWSGI } from "../../src/wire/peer.ts";
import {
  decodeVars,
  encodePacket,
  findText,
  HEADER_SIZE,
  PacketError,
  textVar,
  type Var,
} from "../../src/wire/packet.ts";
import { isDeliveryId } from "../../src/wire/signature.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";

const ORIGIN = { identity: "0123456789abcdef0123456789abcdef", names: ["/srv/out", "hub:3031"] };
const OURS: Peer = {
  kind: "spooler",
  version: "1",
  keepAlive: true,
  body: true,
  taskNames: true,
  maxBody: null,
  receiver: "hub",
};

function task(vars: readonly Var[], changes: Partial<Sendable> = {}): Sendable {
  const name = "uwsgi_spoolfile_on_edge1_1_2_3_4_5";
  return { name, priority: null, vars, bodySize: 0, readBody: () => 0, ...changes };
}

/** Where others stand already, as in a batch. */
function packetFor(given: Sendable, sending: Sending): Uint8Array {
  const into = new Uint8Array(3 + LARGEST_PACKET);
  return into.subarray(3, writeDelivery(deliveryOf(given, ORIGIN), sending, into, 3).end);
}

function sent(given: Sendable, peer: Peer, secret: string | null = null): Var[] {
  const packet = packetFor(given, { peer, secret, now: 1_700_000_000_000 });
  return decodeVars(packet.subarray(HEADER_SIZE));
}

Deno.test("the id is the same for a task each time, and fit to be sent", () => {
  const one = task([textVar("a", "b")]);
  assertEquals(deliveryId(one, ORIGIN), deliveryId(task([textVar("a", "b")]), ORIGIN));
  assert(isDeliveryId(deliveryId(one, ORIGIN)));
  const odd = { ...one, name: "uwsgi_spoolfile_on_hôte local ".repeat(30) };
  assert(isDeliveryId(deliveryId(odd, ORIGIN)));
});

Deno.test("the id is another for another spool, name or content", () => {
  const one = task([textVar("a", "b")]);
  const ids = [
    deliveryId(one, ORIGIN),
    deliveryId(one, { ...ORIGIN, identity: "another" }),
    deliveryId({ ...one, name: `${one.name}6` }, ORIGIN),
    // Two bytes that are no UTF-8.
    deliveryId({ ...one, name: `${one.name}\udcfe` }, ORIGIN),
    deliveryId({ ...one, name: `${one.name}\udcff` }, ORIGIN),
    deliveryId(task([textVar("a", "c")]), ORIGIN),
    deliveryId(task([textVar("ab", "")]), ORIGIN),
  ];
  assertEquals(new Set(ids).size, ids.length);
});

Deno.test("a uWSGI that answers pings gets exactly the task's bytes", () => {
  const name = fc.uint8Array({ minLength: 1, maxLength: 20 });
  const vars = fc.array(fc.record({ name, value: fc.uint8Array({ maxLength: 50 }) }));
  fc.assert(fc.property(vars, (given) => {
    const packet = packetFor(task(given), {
      peer: UWSGI,
      secret: "of two sides",
      now: 0,
    });
    assertEquals([...packet], [...encodePacket(given, 17)]);
  }));
});

Deno.test("the priority that only the directory knows is sent, another is left as it is", () => {
  assertEquals(findText(sent(task([], { priority: "007" }), OURS), "priority"), "7");
  const own = task([textVar("priority", "3")], { priority: "3" });
  assertEquals(sent(own, UWSGI).length, 1);
});

Deno.test("vars that fill a packet fit a uWSGI, and not one of ours", () => {
  const full = task([textVar("fill", "x".repeat(65_535 - 8))]);
  assertEquals(sent(full, UWSGI).length, 1);
  for (const secret of [null, "of two sides"]) {
    assertThrows(() => sent(full, OURS, secret), PacketError, "no room");
  }
  assertThrows(() => sent(full, SILENT), PacketError, "no room");
});
