import { createHash, createHmac } from "node:crypto";
import fc from "fast-check";
import {
  decodeVars,
  encodePacket,
  findText,
  HEADER_SIZE,
  MODIFIER_SPOOL,
  PacketError,
  textVar,
  type Var,
} from "../../src/wire/packet.ts";
import {
  type DeliveryClaims,
  deliveryVars,
  ID_VAR,
  LONGEST_ID,
  SIGNATURE_VAR,
  type SignatureResult,
  signedBy,
  type Verification,
  verifyDelivery,
  withoutReserved,
} from "../../src/wire/signature.ts";
import { assert, assertEquals, assertStringIncludes, assertThrows } from "../support/assert.ts";

const NOW = 1_800_000_000_123;
const SECRET = "correct horse battery";
const TASK = [textVar("ud_spool_func", "send_mail"), textVar("to", "ann")];
const DELIVERY: DeliveryClaims = {
  id: "edge1:tasks:uwsgi_spoolfile_on_edge1_1",
  to: "hub",
  sentAt: NOW,
};

const wire = (vars: readonly Var[]) => encodePacket(vars, MODIFIER_SPOOL).subarray(HEADER_SIZE);

/** What a receiver makes of these bytes, ten seconds later if nothing else is said. */
function check(
  bytes: Uint8Array,
  { secrets = [SECRET], ...options }: Partial<Verification> & { secrets?: string[] } = {},
): SignatureResult {
  const vars = decodeVars(bytes);
  const signed = signedBy(bytes, vars, secrets);
  if ("problem" in signed) return { kind: "invalid", reason: signed.problem, isTemporary: false };
  return verifyDelivery(vars, { receiver: "hub", now: NOW + 10_000, hasBody: false, ...options });
}

function reasonOf(verdict: ReturnType<typeof check>): string {
  return verdict.kind === "invalid" ? verdict.reason : `valid, ${verdict.id}`;
}

Deno.test("a signed delivery is valid, and says its id, its time and its body", () => {
  const bodySha256 = createHash("sha256").update("body").digest("hex");
  const vars = deliveryVars(TASK, { ...DELIVERY, bodySha256 }, SECRET);
  assertEquals(check(wire(vars), { hasBody: true }), { kind: "valid", ...DELIVERY, bodySha256 });
  assertEquals(withoutReserved(vars), TASK);
});

Deno.test("the bytes of a signed delivery are these", () => {
  // Written with Python: hmac.new(b"correct horse battery", bytes, "sha256").hexdigest()
  const vars = deliveryVars([textVar("a", "b")], { id: "x", sentAt: 1_700_000_000_500 }, SECRET);
  assertEquals(
    vars.map(({ name, value }) =>
      `${new TextDecoder().decode(name)}=${new TextDecoder().decode(value)}`
    ),
    [
      "a=b",
      "spooler_id=x",
      "spooler_ts=1700000000.500000",
      "spooler_sig=96f93142f06c02cad47f1cb1722c8906bd3af35a0932604f8703de2695032e50",
    ],
  );
});

Deno.test("any of several secrets may have signed", () => {
  const bytes = wire(deliveryVars(TASK, DELIVERY, SECRET));
  assertEquals(check(bytes, { secrets: ["a newer one", SECRET] }).kind, "valid");
  assertStringIncludes(reasonOf(check(bytes, { secrets: ["a newer one"] })), "is wrong");
  assertStringIncludes(reasonOf(check(bytes, { secrets: [] })), "is wrong");
});

Deno.test("a delivery without a secret carries its id and no signature", () => {
  const vars = deliveryVars(TASK, DELIVERY, null);
  assertEquals(findText(vars, ID_VAR), DELIVERY.id);
  assertEquals(findText(vars, SIGNATURE_VAR), undefined);
  assertStringIncludes(reasonOf(check(wire(vars))), "not signed");
});

Deno.test("reserved vars that a task brings along are not sent on", () => {
  const forged = [...TASK, textVar("spooler_id", "forged"), textVar("spooler_sig", "0")];
  const vars = deliveryVars(forged, DELIVERY, SECRET);
  assertEquals(vars, deliveryVars(TASK, DELIVERY, SECRET));
});

Deno.test("a stale signature is refused, from the past and from the future", () => {
  const bytes = wire(deliveryVars(TASK, DELIVERY, SECRET));
  assertEquals(check(bytes, { now: NOW + 300_000 }).kind, "valid");
  assertEquals(check(bytes, { now: NOW - 300_000 }).kind, "valid");
  assertStringIncludes(reasonOf(check(bytes, { now: NOW + 301_000 })), "stale");
  assertStringIncludes(reasonOf(check(bytes, { now: NOW - 301_000 })), "301 s");
  assertStringIncludes(reasonOf(check(bytes, { windowMs: 5_000 })), "stale");
});

Deno.test("a body without its hash is refused", () => {
  const bytes = wire(deliveryVars(TASK, DELIVERY, SECRET));
  assertStringIncludes(reasonOf(check(bytes, { hasBody: true })), "spooler_sha256");
});

Deno.test("a signed body cannot be cut off: its hash without a body is refused", () => {
  const bodySha256 = createHash("sha256").update("body").digest("hex");
  const bytes = wire(deliveryVars(TASK, { ...DELIVERY, bodySha256 }, SECRET));
  assertEquals(check(bytes, { hasBody: true }).kind, "valid");
  assertStringIncludes(reasonOf(check(bytes)), "but has no body");
});

Deno.test("what is signed for one receiver is refused by another", () => {
  const bytes = wire(deliveryVars(TASK, DELIVERY, SECRET));
  assertEquals(check(bytes), { kind: "valid", ...DELIVERY });
  assertStringIncludes(reasonOf(check(bytes, { receiver: "hub2" })), 'is "hub", not "hub2"');
});

Deno.test("what went astray or came late may be sent again; what is malformed may not", () => {
  const bytes = wire(deliveryVars(TASK, DELIVERY, SECRET));
  const isTemporary = (verdict: SignatureResult) =>
    verdict.kind === "invalid" && verdict.isTemporary;
  assert(isTemporary(check(bytes, { receiver: "hub2" })));
  assert(isTemporary(check(bytes, { now: NOW + 301_000 })));
  assert(!isTemporary(check(bytes, { hasBody: true })));
});

Deno.test("the signature must be the last var", () => {
  const vars = [...deliveryVars(TASK, DELIVERY, SECRET), textVar("priority", "1")];
  assertStringIncludes(reasonOf(check(wire(vars))), "the last var");
  const twice = [...vars, textVar(SIGNATURE_VAR, "0".repeat(64))];
  assertStringIncludes(reasonOf(check(wire(twice))), "is wrong");
});

Deno.test("what is signed says who, when and which body in a form that can be read", () => {
  const refusal = (pairs: Record<string, string>, hasBody = false) => {
    const vars = Object.entries(pairs).map(([name, value]) => textVar(name, value));
    const hex = createHmac("sha256", SECRET).update(wire(vars)).digest("hex");
    return reasonOf(check(wire([...vars, textVar(SIGNATURE_VAR, hex)]), { hasBody }));
  };
  const [id, ts] = ["one", String(NOW / 1000)];
  const to = { spooler_to: "hub" };
  assertEquals(refusal({ spooler_id: id, spooler_ts: ts, ...to }), "valid, one");
  assertStringIncludes(refusal({ spooler_id: id, spooler_ts: ts }), "spooler_to is missing");
  assertStringIncludes(refusal({ spooler_ts: ts }), "spooler_id");
  assertStringIncludes(refusal({ spooler_id: "a b", spooler_ts: ts }), "spooler_id");
  assertStringIncludes(refusal({ spooler_id: id, ...to }), "spooler_ts");
  assertStringIncludes(refusal({ spooler_id: id, spooler_ts: "1e9", ...to }), "spooler_ts");
  const sha = { spooler_id: id, spooler_ts: ts, spooler_sha256: "ABCD", ...to };
  assertStringIncludes(refusal(sha, true), "SHA-256");
});

Deno.test("an id is 1 to 128 printable characters", () => {
  const long = "x".repeat(LONGEST_ID + 1);
  for (const id of ["", "a b", long, "é"]) {
    assertThrows(
      () => deliveryVars(TASK, { id, sentAt: NOW }, SECRET),
      Error,
      "an id or a name has",
    );
  }
});

Deno.test("vars that leave no room for a signature are an error", () => {
  const task = [textVar("fill", "x".repeat(65_400))];
  assertThrows(() => encodePacket(deliveryVars(task, DELIVERY, SECRET), 17), PacketError, "65");
});

const bytesOf = (minLength: number) => fc.uint8Array({ minLength, maxLength: 40 });
const anyVars = fc.array(fc.record({ name: bytesOf(1), value: bytesOf(0) }), { maxLength: 10 });
const anyId = fc.stringMatching(/^[\x21-\x7e]{1,128}$/);

Deno.test("whatever the task, what is signed is valid for who has the secret, and for nobody else", () => {
  fc.assert(fc.property(anyVars, anyId, fc.string(), fc.string(), (task, id, secret, other) => {
    const bytes = wire(deliveryVars(task, { id, to: "hub", sentAt: NOW }, secret));
    assertEquals(check(bytes, { secrets: [secret] }), {
      kind: "valid",
      id,
      to: "hub",
      sentAt: NOW,
    });
    if (other !== secret) assertEquals(check(bytes, { secrets: [other] }).kind, "invalid");
  }));
});

Deno.test("no single byte can be changed", () => {
  fc.assert(fc.property(anyVars, fc.nat(), fc.integer({ min: 1, max: 255 }), (task, at, change) => {
    const bytes = wire(deliveryVars(task, DELIVERY, SECRET));
    bytes[at % bytes.length] = (bytes[at % bytes.length] ?? 0) ^ change;
    let vars: Var[];
    try {
      vars = decodeVars(bytes);
    } catch {
      return;
    }
    assert("problem" in signedBy(bytes, vars, [SECRET]));
  }));
});

Deno.test("no reason contains the secret", () => {
  const bytes = wire(deliveryVars(TASK, DELIVERY, SECRET));
  bytes[0] = (bytes[0] ?? 0) ^ 1;
  for (const given of [wire(TASK), wire(deliveryVars(TASK, DELIVERY, "wrong"))]) {
    assert(!reasonOf(check(given)).includes(SECRET));
  }
});
