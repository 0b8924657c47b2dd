/** What becomes of a task from the network: signatures, bodies, service keys, spools. */

import { createHash } from "node:crypto";
import { statfsSync } from "node:fs";
import {
  decodeVars,
  encodePacket,
  findText,
  HEADER_SIZE,
  KEEP_OPEN,
  MODIFIER_PING,
  MODIFIER_SPOOL,
  WANTS_NAME,
  WITH_BODY,
} from "../../src/wire/packet.ts";
import { encodeBodySize } from "../../src/wire/reader.ts";
import { deliveryVars, SIGNATURE_VAR } from "../../src/wire/signature.ts";
import { answerPacket, isAnswerTo, pingVars, signedOf } from "../../src/wire/signed_answer.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import {
  type Answer,
  DRIVERS,
  emitted,
  NO,
  openReception,
  Peer,
  type ReceptionOptions,
  type TestReception,
  YES,
} from "../support/reception.ts";
import { claimNow, seenNames, varsOf } from "../support/store.ts";

const SECRET = "correct horse battery staple";
/** What a receiver of signed tasks has in its ini. */
const SIGNED = [`spooler-secret = ${SECRET}`, "spooler-name = hub"];
const BODY = new TextEncoder().encode("the body");

interface Sent {
  readonly to?: string;
  readonly values?: Record<string, string>;
  readonly id?: string;
  readonly sentAt?: number;
  readonly secret?: string | null;
  readonly body?: Uint8Array;
  readonly bodySha256?: string;
}

function delivery(sent: Sent): Uint8Array[] {
  const { values = { n: "1" }, id = "task-1", sentAt = Date.now(), secret = SECRET, body } = sent;
  const { bodySha256, to = "hub" } = sent;
  const vars = deliveryVars(
    varsOf(values),
    {
      id,
      sentAt,
      ...(to === undefined ? {} : { to }),
      ...(bodySha256 === undefined ? {} : { bodySha256 }),
    },
    secret,
  );
  if (body === undefined) return [encodePacket(vars, MODIFIER_SPOOL, KEEP_OPEN)];
  const packet = encodePacket(vars, MODIFIER_SPOOL, KEEP_OPEN | WITH_BODY);
  return [packet, encodeBodySize(body.length), body];
}

/** The yes to a signed packet. */
function signedYes([packet]: readonly Uint8Array[], secret = SECRET): Answer {
  const request = signedOf(decodeVars(packet?.subarray(HEADER_SIZE) ?? new Uint8Array(0)), secret);
  const { modifier1, modifier2 } = YES;
  const answer = answerPacket([], { modifier1, modifier2 }, request).subarray(HEADER_SIZE);
  return { ...YES, vars: { [SIGNATURE_VAR]: findText(decodeVars(answer), SIGNATURE_VAR) ?? "" } };
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Keys and body of every task in the spool. */
function stored({ store }: TestReception): { keys: string[]; body: string }[] {
  return [...store.scan()].flat().map((ref) => {
    const claimed = claimNow(store, ref);
    const body = new Uint8Array(claimed.bodySize);
    claimed.readBody(body, 0);
    claimed.release();
    const decoder = new TextDecoder();
    return {
      keys: claimed.vars.map(({ name }) => decoder.decode(name)),
      body: decoder.decode(body),
    };
  });
}

async function reasonFor(reception: TestReception, ...parts: Uint8Array[]): Promise<string> {
  using peer = await reception.connect();
  await peer.send(...parts);
  const answer = await peer.answer();
  assertEquals([answer?.modifier1, answer?.modifier2], [255, 0]);
  return answer?.vars["reason"] ?? "";
}

for (const driver of DRIVERS) {
  const test = (name: string, run: () => Promise<void> | void) =>
    Deno.test(`${driver}: ${name}`, run);
  const open = (options: ReceptionOptions = {}) => openReception({ ...options, driver });

  test("a signed task is accepted, and its reserved vars are not stored", async () => {
    await using reception = await open({ ini: SIGNED });
    using peer = await reception.connect();
    const red = delivery({ values: { colour: "red" } });
    await peer.send(...red);
    assertEquals(await peer.answer(), signedYes(red));
    assertEquals(stored(reception), [{ keys: ["colour"], body: "" }]);
  });

  test("a missing, wrong, stale or repeated signature is refused, and nothing is stored", async () => {
    await using reception = await open({ ini: SIGNED });
    const plain = encodePacket(varsOf({ n: "1" }), MODIFIER_SPOOL, KEEP_OPEN);
    assertStringIncludes(await reasonFor(reception, plain), "not signed");
    const wrong = delivery({ secret: "another secret" });
    assertStringIncludes(await reasonFor(reception, ...wrong), "the signature is wrong");
    const stale = delivery({ sentAt: Date.now() - 301_000 });
    assertStringIncludes(await reasonFor(reception, ...stale), "stale");
    const altered = delivery({ values: { amount: "1" } });
    altered[0]?.set([50], 4 + 2 + 6 + 2);
    assertStringIncludes(await reasonFor(reception, ...altered), "wrong");
    assertEquals(stored(reception), []);

    const good = delivery({});
    using peer = await reception.connect();
    await peer.send(...good);
    assertEquals(await peer.answer(), signedYes(good));
    assertStringIncludes(await reasonFor(reception, ...good), "used before");
    assertEquals(stored(reception).length, 1);
    assert(reception.refusals().every((line) => !line.includes(SECRET)));
  });

  test("a repeated delivery, signed anew, is accepted and not stored twice", async () => {
    await using reception = await open({ ini: SIGNED });
    using peer = await reception.connect();
    const now = Date.now();
    const packets = [
      delivery({ sentAt: now - 2000 }),
      delivery({ sentAt: now - 1000 }),
      delivery({ sentAt: now }),
      delivery({ id: "task-2" }),
    ];
    await peer.send(...packets.flat());
    for (const packet of packets) assertEquals(await peer.answer(), signedYes(packet));
    assertEquals(stored(reception).length, 2);
    assertEquals(reception.events.filter(({ type }) => type === "task.repeated").length, 2);
  });

  test("an id that was another task's is refused, not acknowledged", async () => {
    await using reception = await open({ ini: SIGNED });
    using peer = await reception.connect();
    const first = delivery({});
    await peer.send(...first);
    assertEquals(await peer.answer(), signedYes(first));
    const other = delivery({ values: { n: "2" } });
    assertStringIncludes(await reasonFor(reception, ...other), "belongs to another task");
    const withBody = delivery({ body: BODY, bodySha256: sha256(BODY) });
    assertStringIncludes(await reasonFor(reception, ...withBody), "belongs to another task");
    assertEquals(stored(reception).length, 1);
  });

  test("any of several secrets is good", async () => {
    await using reception = await open({
      ini: ["spooler-secret = the old secret", ...SIGNED],
    });
    using peer = await reception.connect();
    const [old, fresh] = [delivery({ secret: "the old secret" }), delivery({ id: "task-2" })];
    await peer.send(...old, ...fresh);
    assertEquals(await peer.answer(), signedYes(old, "the old secret"));
    assertEquals(await peer.answer(), signedYes(fresh));
  });

  test("a signed body must be the one that was signed", async () => {
    await using reception = await open({ ini: SIGNED });
    const bodySha256 = sha256(BODY);
    const good = delivery({ body: BODY, bodySha256 });
    const forged = delivery({ body: new TextEncoder().encode("the b0dy"), bodySha256, id: "x" });
    const without = delivery({ body: BODY, id: "y" });
    assertStringIncludes(await reasonFor(reception, ...forged), "spooler_sha256");
    assertStringIncludes(await reasonFor(reception, ...without), "without the spooler_sha256");
    using peer = await reception.connect();
    await peer.send(...good);
    assertEquals(await peer.answer(), signedYes(good));
    assertEquals(stored(reception), [{ keys: ["n"], body: "the body" }]);
  });

  test("a signed body cannot be cut off by who only carries it", async () => {
    await using reception = await open({ ini: SIGNED });
    const [packet] = delivery({ body: BODY, bodySha256: sha256(BODY) });
    assert(packet !== undefined);
    packet.set([KEEP_OPEN], 3);
    assertStringIncludes(await reasonFor(reception, packet), "but has no body");
    assertEquals(stored(reception), []);
  });

  test("what is signed for one receiver is refused by another", async () => {
    const ini = [`spooler-secret = ${SECRET}`, "spooler-name = hub2"];
    await using reception = await open({ ini });
    assertStringIncludes(await reasonFor(reception, ...delivery({ to: "hub1" })), 'not "hub2"');
    using peer = await reception.connect();
    const packet = delivery({ to: "hub2" });
    await peer.send(...packet);
    assertEquals(await peer.answer(), signedYes(packet));
    assertEquals(stored(reception).length, 1);
  });

  test("a signed ping is answered with the receiver's name, signed; another ping is not", async () => {
    await using reception = await open({
      ini: SIGNED,
    });
    using peer = await reception.connect();
    const nonce = crypto.randomUUID();
    const modifiers = { modifier1: MODIFIER_PING, modifier2: 1 };
    const ask = async (secret: string) => {
      const vars = pingVars(nonce, secret);
      await peer.send(encodePacket(vars, MODIFIER_PING, KEEP_OPEN));
      const answer = await peer.answer();
      const request = signedOf(vars, secret);
      assert(answer !== null && request !== null);
      return {
        name: answer.vars["name"],
        isOurs: isAnswerTo(request, varsOf(answer.vars), modifiers),
      };
    };
    assertEquals(await ask(SECRET), { name: "hub", isOurs: true });
    assertEquals(await ask("another secret"), { name: undefined, isOurs: false });
  });

  test("without a secret reserved vars are still checked and removed", async () => {
    await using reception = await open();
    using peer = await reception.connect();
    await peer.send(...delivery({ secret: null, body: BODY, bodySha256: sha256(BODY) }));
    assertEquals(await peer.answer(), YES);
    assertEquals(stored(reception), [{ keys: ["n"], body: "the body" }]);
    const bad = encodePacket(varsOf({ spooler_id: "two words" }), MODIFIER_SPOOL, KEEP_OPEN);
    assertStringIncludes(await reasonFor(reception, bad), "spooler_id needs");
    const hash = encodePacket(varsOf({ spooler_sha256: "x" }), MODIFIER_SPOOL, KEEP_OPEN);
    assertStringIncludes(await reasonFor(reception, hash), "spooler_sha256 is not a SHA-256");
  });

  test("service keys are safe: body, priority, at, spooler", async () => {
    await using reception = await open({ ini: ["spooler = other"] });
    const send = (values: Record<string, string>) =>
      reasonFor(reception, encodePacket(varsOf(values), MODIFIER_SPOOL, KEEP_OPEN));
    assertStringIncludes(await send({ priority: "../../escape" }), "priority needs digits");
    assertStringIncludes(await send({ at: "1e9" }), "at needs seconds");
    assertStringIncludes(await send({ spooler: "/etc" }), "no such spooler");
    assertStringIncludes(await send({ spooler: `${reception.dir}/spool/` }), "no such spooler");
    using peer = await reception.connect();
    await peer.send(
      encodePacket(
        varsOf({ body: "in a key", priority: "7", spooler: `${reception.dir}/spool` }),
        MODIFIER_SPOOL,
      ),
    );
    assertEquals(await peer.answer(), YES);
    assertEquals(stored(reception), [{ keys: ["priority", "spooler"], body: "in a key" }]);
    assert(Deno.statSync(`${reception.dir}/spool/7`).isDirectory);
    const both = encodePacket(varsOf({ body: "x" }), MODIFIER_SPOOL, KEEP_OPEN | WITH_BODY);
    assertStringIncludes(
      await reasonFor(reception, both, encodeBodySize(8), BODY),
      "and the key body",
    );
  });

  test("a priority from the network is bounded, and the ini says by what", async () => {
    await using few = await open();
    const packet = (priority: string) =>
      encodePacket(varsOf({ n: "1", priority }), MODIFIER_SPOOL, KEEP_OPEN);
    assertStringIncludes(await reasonFor(few, packet("10")), "needs 0 to 9 (spooler-max-priority)");
    assertStringIncludes(await reasonFor(few, packet("123456789")), "needs 0 to 9");
    await using many = await open({ ini: ["spooler-max-priority = 100"] });
    assertStringIncludes(await reasonFor(many, packet("101")), "needs 0 to 100");
    for (const [reception, priority] of [[few, "9"], [many, "100"]] as const) {
      using peer = await reception.connect();
      await peer.send(packet(priority));
      assertEquals(await peer.answer(), YES);
      assertEquals(stored(reception).length, 1);
    }
  });

  test("a delivery that is repeated without end is a few lines of the log", async () => {
    await using reception = await open();
    using peer = await reception.connect();
    const packet = encodePacket(varsOf({ n: "1", spooler_id: "same" }), MODIFIER_SPOOL, KEEP_OPEN);
    for (let n = 0; n < 200; n++) {
      await peer.send(packet);
      assertEquals(await peer.answer(), YES);
    }
    assertEquals(reception.events.filter(({ type }) => type === "task.repeated").length, 20);
  });

  test("a task that is sent again has the same name, which is not read without end", async () => {
    await using reception = await open();
    using peer = await reception.connect();
    const vars = varsOf({ n: "1", spooler_id: "same" });
    const packet = encodePacket(vars, MODIFIER_SPOOL, KEEP_OPEN | WANTS_NAME);
    await peer.send(...Array<Uint8Array>(52).fill(packet));
    const name = (await peer.answer())?.vars["task"] ?? "";
    assertEquals(seenNames(reception.store), [name]);
    for (let n = 0; n < 50; n++) {
      assertEquals(await peer.answer(), { ...YES, vars: { task: name } });
    }
    const reason = "too many ask for names of tasks that were accepted before";
    assertEquals(await peer.answer(), { ...NO, vars: { reason, temporary: "1" } });
    await peer.send(encodePacket(vars, MODIFIER_SPOOL, KEEP_OPEN));
    assertEquals(await peer.answer(), YES);
  });

  test("a body that would leave too little room is refused before it comes, for now", async () => {
    const { bavail, bsize } = statfsSync("/tmp");
    const spare = 2 ** 30;
    if (bavail * bsize < 2 * spare) return;
    const most = bavail * bsize - spare;
    await using reception = await open({
      ini: [`spooler-min-free = ${most}`, "spooler-max-body = 1000G"],
    });
    using peer = await reception.connect();
    await peer.send(...delivery({ secret: null }));
    assertEquals(await peer.answer(), YES);
    const packet = encodePacket(varsOf({ n: "2" }), MODIFIER_SPOOL, KEEP_OPEN | WITH_BODY);
    await peer.send(packet, encodeBodySize(2 * spare));
    await emitted(reception, "packet.refused");
    assertStringIncludes(reception.refusals().join(), "full: it would leave less than ");
  });

  test("a flood of refusals is logged in a few lines and one number", async () => {
    await using reception = await open();
    using peer = await reception.connect();
    const bad = encodePacket(varsOf({ at: "never" }), MODIFIER_SPOOL, KEEP_OPEN);
    await peer.send(...Array<Uint8Array>(60).fill(bad));
    for (let i = 0; i < 60; i++) await peer.answer();
    await reception.sockets.close();
    assertEquals(reception.refusals().length, 20);
    const sums = reception.events.flatMap((event) => {
      return event.type === "packets.refused" ? event.counts : [];
    });
    assertEquals(sums.reduce((sum, [, count]) => sum + count, 0), 40);
  });

  const PICKLED = { ud_spool_func: "f", args: "(t.", kwargs: "(d." };

  test("pickled arguments from a stranger are refused, with what would help", async () => {
    await using reception = await open();
    const packet = encodePacket(varsOf(PICKLED), MODIFIER_SPOOL, KEEP_OPEN);
    const reason = await reasonFor(reception, packet);
    for (
      const wish of ["spooler-secret", "certificate", "unix socket", "spooler-pickle = trusted"]
    ) {
      assertStringIncludes(reason, wish);
    }
    assertEquals(reception.refusals().length, 1);
    assertEquals(stored(reception), []);
  });

  /** What uwsgi-tasks sends; the second has its arguments in the body. */
  const SETUP = "\x80\x04\x95\x0b\0\0\0\0\0\0\0}\x94\x8c\x01a\x94K\x01s.";
  const latin1 = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));

  test("a pickle in any value or in the body is refused, and nothing of it is stored", async () => {
    await using reception = await open();
    const system = latin1("cos\nsystem\n(S'id'\ntR.");
    for (
      const values of [
        { function_name: "app.f", setup: latin1(SETUP) },
        { function_name: "app.f", body: latin1(SETUP) },
        { anything: system },
      ]
    ) {
      const packet = encodePacket(varsOf(values), MODIFIER_SPOOL, KEEP_OPEN);
      assertStringIncludes(await reasonFor(reception, packet), "holds a pickle, which runs code");
    }
    const vars = varsOf({ function_name: "app.f" });
    const head = encodePacket(vars, MODIFIER_SPOOL, KEEP_OPEN | WITH_BODY);
    const large = new Uint8Array(1_000_000);
    large.set(latin1("\x80\x04B"));
    new DataView(large.buffer).setUint32(3, large.length - 8, true);
    large[large.length - 1] = ".".charCodeAt(0);
    for (const body of [latin1(SETUP), system, large]) {
      using peer = await reception.connect();
      await peer.send(head, encodeBodySize(body.length), body);
      assertStringIncludes((await peer.answer())?.vars["reason"] ?? "", "its body is a pickle");
      // The connection goes on where the body ends.
      await peer.send(encodePacket(varsOf({ n: "1" }), MODIFIER_SPOOL, KEEP_OPEN));
      assertEquals(await peer.answer(), YES);
    }
    assertEquals(stored(reception), Array(3).fill({ keys: ["n"], body: "" }));
  });

  test("values that are no pickles are taken, whatever their keys are", async () => {
    await using reception = await open();
    using peer = await reception.connect();
    const values = { ud_spool_func: "f", args: "--fast", kwargs: "N.", setup: "{}" };
    const head = encodePacket(varsOf(values), MODIFIER_SPOOL, KEEP_OPEN | WITH_BODY);
    await peer.send(head, encodeBodySize(BODY.length), BODY);
    assertEquals(await peer.answer(), YES);
  });

  test("spooler-allow-functions names what unauthenticated senders may run", async () => {
    const allow = "spooler-allow-functions = mail report";
    await using reception = await open({ ini: [allow] });
    const sent = (values: Record<string, string>) =>
      encodePacket(varsOf(values), MODIFIER_SPOOL, KEEP_OPEN);
    assertStringIncludes(
      await reasonFor(reception, sent({ ud_spool_func: "drop" })),
      'its function is "drop", and spooler-allow-functions has mail report',
    );
    assertStringIncludes(await reasonFor(reception, sent({ n: "1" })), "names no function");
    using peer = await reception.connect();
    await peer.send(sent({ ud_spool_func: "report" }));
    assertEquals(await peer.answer(), YES);
    await using signed = await open({ ini: [allow, ...SIGNED] });
    using other = await signed.connect();
    const packet = delivery({ values: { ud_spool_func: "drop" } });
    await other.send(...packet);
    assertEquals(await other.answer(), signedYes(packet), "who signs may run all");
  });

  test("pickled arguments are taken when they are signed, or trusted by the ini", async () => {
    await using signed = await open({ ini: SIGNED });
    await using trusted = await open({ ini: ["spooler-pickle = trusted"] });
    using one = await signed.connect();
    const packet = delivery({ values: PICKLED });
    await one.send(...packet);
    using other = await trusted.connect();
    await other.send(encodePacket(varsOf(PICKLED), MODIFIER_SPOOL, KEEP_OPEN));
    assertEquals([await one.answer(), await other.answer()], [signedYes(packet), YES]);
    assertEquals([stored(signed).length, stored(trusted).length], [1, 1]);
  });

  test("a unix socket with a file vouches for its users, an abstract one does not", async () => {
    const name = `spooler-test-${crypto.randomUUID()}`;
    for (const [socket, accepted] of [["run.sock", true], [`@${name}`, false]] as const) {
      await using reception = await open({ ini: [`socket = ${socket}`] });
      const path = accepted ? `${reception.dir}/${socket}` : `\0${name}`;
      using peer = new Peer(await Deno.connect({ transport: "unix", path }));
      await peer.send(encodePacket(varsOf(PICKLED), MODIFIER_SPOOL, KEEP_OPEN));
      assertEquals((await peer.answer())?.modifier2, accepted ? 1 : 0);
      assertEquals(stored(reception).length, accepted ? 1 : 0);
    }
  });
}
