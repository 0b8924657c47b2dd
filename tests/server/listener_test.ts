/** Conversations with a listener, byte by byte, against a real store. */

import { joined } from "../../src/platform/bytes.ts";
import { Conversation } from "../../src/server/conversation.ts";
import { PacketMemory } from "../../src/server/packet_memory.ts";
import { Deadlines } from "../../src/server/deadlines.ts";
import {
  encodePacket,
  findText,
  KEEP_OPEN,
  MODIFIER_PING,
  MODIFIER_SPOOL,
  WITH_BODY,
} from "../../src/wire/packet.ts";
import { encodeBodySize } from "../../src/wire/reader.ts";
import { RefusalError } from "../../src/wire/refusal.ts";
import { VERSION } from "../../src/platform/version.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { rulesWith } from "../support/conversation_rules.ts";
import { FakeClock } from "../support/clock.ts";
import {
  DRIVERS,
  emitted,
  NO,
  openReception,
  Peer,
  type ReceptionOptions,
  YES,
} from "../support/reception.ts";
import { claimNow, varsOf } from "../support/store.ts";
import { tempDir } from "../support/temp.ts";
import { until } from "../support/until.ts";

const task = (values: Record<string, string>, modifier2 = 0) =>
  encodePacket(varsOf(values), MODIFIER_SPOOL, modifier2);
const bytes = (text: string) => new TextEncoder().encode(text);

/** The values of a key of all tasks in the spool, in the order they run. */
function stored(store: Parameters<typeof claimNow>[0], key: string): string[] {
  return [...store.scan()].flat()
    .sort((a, b) => a.dueAt - b.dueAt || Number(counterOf(a.name)) - Number(counterOf(b.name)))
    .map((ref) => {
      const claimed = claimNow(store, ref);
      const value = findText(claimed.vars, key) ?? "";
      claimed.release();
      return value;
    });
}

function counterOf(name: string): string {
  return /_(\d+)_\d+_\d+_\d+$/.exec(name)?.[1] ?? "";
}

for (const driver of DRIVERS) {
  const test = (name: string, run: () => Promise<void> | void) =>
    Deno.test(`${driver}: ${name}`, run);
  const open = (options: ReceptionOptions = {}) => openReception({ ...options, driver });

  test("version 0: one packet, uWSGI's four bytes, and the end", async () => {
    await using reception = await open();
    using peer = await reception.connect();
    // In one piece: the second would come too late for a socket that is closed behind the first.
    await peer.send(joined([task({ n: "1" }), task({ n: "2" })]));
    assertEquals(await peer.rest(), "ff000001");
    assertEquals(stored(reception.store, "n"), ["1"]);

    using refused = await reception.connect();
    await refused.send(task({ n: "3", priority: "../x" }));
    assertEquals(await refused.rest(), "ff000000");
    assertStringIncludes(reception.refusals().join(), "priority needs digits");
  });

  test("a peer that closes its half at once still gets its answer", async () => {
    await using reception = await open();
    using peer = await reception.connect();
    await peer.send(task({ n: "1" }));
    await peer.connection.closeWrite();
    assertEquals(await peer.rest(), "ff000001");
  });

  test("a kept connection answers every packet, in order, however they are cut", async () => {
    await using reception = await open();
    using peer = await reception.connect();
    const packets = Array.from({ length: 200 }, (_, n) => task({ n: String(n) }, KEEP_OPEN));
    const stream = new Uint8Array(packets.flatMap((packet) => [...packet]));
    const sending = (async () => {
      for (let at = 0; at < stream.length; at += 777) {
        await peer.send(stream.subarray(at, at + 777));
      }
    })();
    for (const _ of packets) assertEquals(await peer.answer(), YES);
    await sending;
    assertEquals(stored(reception.store, "n"), packets.map((_, n) => String(n)));
  });

  test("a packet without the flag is the last of its connection", async () => {
    await using reception = await open();
    using peer = await reception.connect();
    // In one piece, as above.
    await peer.send(joined([task({ n: "1" }, KEEP_OPEN), task({ n: "2" }), task({ n: "3" })]));
    assertEquals(await peer.rest(), "ff000001ff000001");
    assertEquals(stored(reception.store, "n"), ["1", "2"]);
  });

  test("a refusal on a kept connection says why, and the connection goes on", async () => {
    await using reception = await open();
    using peer = await reception.connect();
    await peer.send(
      task({ at: "soon" }, KEEP_OPEN),
      task({ spooler: "/no/such" }, KEEP_OPEN),
      Uint8Array.of(17, 3, 0, 1, 9, 0, 0),
      task({ n: "good" }, KEEP_OPEN),
    );
    for (const reason of ["at needs seconds", "no such spooler", "a name at byte 0"]) {
      const answer = await peer.answer();
      assertStringIncludes(answer?.vars["reason"] ?? "", reason);
      assertEquals([answer?.modifier1, answer?.modifier2, answer?.vars["temporary"]], [
        255,
        0,
        undefined,
      ]);
    }
    assertEquals(await peer.answer(), YES);
    assertEquals(stored(reception.store, "n"), ["good"]);
  });

  test("what may be accepted later is refused as temporary", async () => {
    await using reception = await open({
      accept: () => Promise.reject(new RefusalError("full", "no room", true)),
    });
    using peer = await reception.connect();
    await peer.send(task({}, KEEP_OPEN), task({}));
    assertEquals(await peer.answer(), { ...NO, vars: { reason: "no room", temporary: "1" } });
    assertEquals(await peer.rest(), "ff000000");
  });

  test("a ping is answered as by uWSGI; one that stays open gets the limits", async () => {
    await using reception = await open({ ini: ["spooler-max-body = 1k"] });
    using plain = await reception.connect();
    await plain.send(Uint8Array.of(MODIFIER_PING, 0, 0, 0));
    assertEquals(await plain.rest(), "64000001");
    using peer = await reception.connect();
    await peer.send(Uint8Array.of(MODIFIER_PING, 0, 0, KEEP_OPEN), task({ n: "1" }));
    const pong = await peer.answer();
    assertEquals([pong?.modifier1, pong?.modifier2], [100, 1]);
    assertEquals(pong?.vars["spooler"], VERSION);
    assertEquals(pong?.vars["max-body"], "1024");
    assert(pong?.vars["features"]?.split(",").includes("body"));
    assertEquals(await peer.answer(), YES);
  });

  test("a body goes to disk as it came, between other packets", async () => {
    await using reception = await open();
    using peer = await reception.connect();
    const body = new Uint8Array(300_000).map((_, i) => i * 7);
    await peer.send(
      task({ n: "1" }, KEEP_OPEN | WITH_BODY),
      encodeBodySize(body.length),
      body,
      task({ n: "2" }, KEEP_OPEN | WITH_BODY),
      encodeBodySize(0),
      task({ n: "3" }, KEEP_OPEN),
    );
    for (let i = 0; i < 3; i++) assertEquals(await peer.answer(), YES);
    const sizes = [...reception.store.scan()].flat().map((ref) => {
      const claimed = claimNow(reception.store, ref);
      const into = new Uint8Array(claimed.bodySize);
      claimed.readBody(into, 0);
      if (into.length > 0) assertEquals(into, body);
      claimed.release();
      return into.length;
    });
    assertEquals(sizes.sort(), [0, 0, body.length]);
  });

  test("a body that is cut off leaves nothing behind", async () => {
    await using reception = await open();
    const peer = await reception.connect();
    await peer.send(task({ n: "1" }, KEEP_OPEN | WITH_BODY), encodeBodySize(100), bytes("half"));
    peer[Symbol.dispose]();
    await emitted(reception, "packet.refused");
    assertStringIncludes(reception.refusals().join(), "4 of 100 bytes of a body");
    assertEquals(stored(reception.store, "n"), []);
    assertEquals([...Deno.readDirSync(`${reception.store.dir}/.spooler/tmp`)], []);
  });

  test("a refused task's body is thrown away, and the connection goes on", async () => {
    await using reception = await open();
    using peer = await reception.connect();
    await peer.send(
      task({ at: "soon" }, KEEP_OPEN | WITH_BODY),
      encodeBodySize(200_000),
      new Uint8Array(200_000).fill(17),
      task({ n: "1" }),
    );
    assertStringIncludes((await peer.answer())?.vars["reason"] ?? "", "at needs");
    assertEquals(await peer.rest(), "ff000001");
  });

  test("a body that is too long is refused before it comes, and ends the connection", async () => {
    await using reception = await open({ ini: ["spooler-max-body = 1k"] });
    using peer = await reception.connect();
    await peer.send(task({}, KEEP_OPEN | WITH_BODY), encodeBodySize(1025), new Uint8Array(1025));
    assertStringIncludes((await peer.answer())?.vars["reason"] ?? "", "spooler-max-body is 1024");
    assertEquals(await peer.answer(), null);
    using vast = await reception.connect();
    await vast.send(task({}, KEEP_OPEN | WITH_BODY), new Uint8Array(8).fill(255));
    assertEquals(await vast.rest(), "ff000000");
  });

  test("a packet larger than buffer-size is refused by its header", async () => {
    await using reception = await open({ ini: ["buffer-size = 100"] });
    using peer = await reception.connect();
    await peer.send(task({ filler: "x".repeat(200) }));
    assertEquals(await peer.rest(), "ff000000");
    assertStringIncludes(reception.refusals().join(), "buffer-size is 100");
  });

  test("a packet of 64 KiB is taken", async () => {
    await using reception = await open();
    using peer = await reception.connect();
    await peer.send(task({ a: "x".repeat(65530) }));
    assertEquals(await peer.rest(), "ff000001");
  });

  test("another modifier is no business of ours", async () => {
    await using reception = await open();
    using peer = await reception.connect();
    await peer.send(Uint8Array.of(0, 0, 0, 0));
    assertEquals(await peer.rest(), "");
    assertStringIncludes(reception.refusals().join(), "malformed: modifier1 0 is not supported");
  });

  test("a silent peer and one that drips are hung up on after socket-timeout", async () => {
    const clock = new FakeClock();
    await using reception = await open({ clock, ini: ["socket-timeout = 4"] });
    using silent = await reception.connect();
    using drip = await reception.connect();
    await drip.send(Uint8Array.of(17, 9));
    await until(() => clock.pending > 0, "the connections are served");
    let isClosed = false;
    const closed = Promise.all([silent.rest(), drip.rest()]).then((rests) => {
      isClosed = true;
      return rests;
    });
    await until(() => {
      clock.advance(1000);
      return isClosed;
    }, "both are closed");
    assertEquals(await closed, ["", ""]);
    assertEquals(
      reception.refusals(),
      Array(2).fill("slow: no whole packet within 4 s (socket-timeout)"),
    );
  });

  test("in a round that is long already each peer has one packet read, however many it has sent", () => {
    const clock = new FakeClock();
    const packets = new Uint8Array([1, 2, 3].flatMap((n) => [...task({ n: `${n}` }, KEEP_OPEN)]));
    const round = {
      ...{ number: 1, isLong: false, waiting: [] as (() => void)[] },
      next(resume: () => void) {
        this.waiting.push(resume);
      },
      another(isLong: boolean) {
        this.number++;
        this.isLong = isLong;
        for (const resume of this.waiting.splice(0)) resume();
      },
    };
    const accepted: string[] = [];
    const meet = (name: string) => {
      let isWanted = false;
      const transport = {
        peer: { from: name, ip: null, credential: null, sender: name },
        read: (isWantedNow: boolean) => isWanted = isWantedNow,
        send: () => true,
        closeWrite: () => {},
        close: () => {},
      };
      const options = {
        ...{ clock, round, deadlines: new Deadlines(clock), memory: new PacketMemory() },
        rules: () =>
          rulesWith(({ from }, done) => {
            accepted.push(from);
            done(null);
          }),
        refused: () => {},
      };
      const owner = { active: () => {}, finished: () => {} };
      const conversation = new Conversation(options, owner, { makeTransport: () => transport });
      conversation.start();
      return {
        say() {
          conversation.space().set(packets);
          conversation.came(packets.length);
        },
        isRead: () => isWanted,
      };
    };
    const [one, other, third] = [meet("one"), meet("other"), meet("third")];
    round.another(true);
    one.say();
    other.say();
    assertEquals(accepted.splice(0), ["one", "other"]);
    assertEquals([one.isRead(), third.isRead()], [false, true]);
    round.another(true);
    assertEquals(accepted.splice(0), ["one", "other"]);
    round.another(false);
    assertEquals(accepted.splice(0), ["one", "other"]);
    assertEquals([one.isRead(), round.waiting.length], [true, 0]);
    third.say();
    assertEquals(accepted, ["third", "third", "third"]);
  });

  test("a peer that does not read its answers is hung up on", () => {
    const clock = new FakeClock();
    const refusals: string[] = [];
    const packet = task({ n: "1" }, KEEP_OPEN);
    let isOver = false;
    const transport = {
      peer: { from: "here", ip: null, credential: null, sender: "here" },
      read: () => {},
      send: () => false,
      closeWrite: () => {},
      close: () => {},
    };
    const owner = { active: () => {}, finished: () => isOver = true };
    const options = {
      clock,
      deadlines: new Deadlines(clock),
      memory: new PacketMemory(),
      round: { number: 0, isLong: false, next: () => {} },
      rules: () => rulesWith((_, done) => done(null)),
      refused: (_: string, refusal: RefusalError) => refusals.push(refusal.message),
    };
    const conversation = new Conversation(options, owner, { makeTransport: () => transport });
    conversation.start();
    conversation.space().set(packet);
    conversation.came(packet.length);
    clock.advance(5000);
    assert(isOver);
    assertEquals(refusals, ["it did not read its answers within 4 s (socket-timeout)"]);
    assertEquals(clock.pending, 0);
  });

  test("a kept connection may be idle for a minute, then it is closed without a word", async () => {
    const clock = new FakeClock();
    await using reception = await open({ clock });
    using peer = await reception.connect();
    await peer.send(task({ n: "1" }, KEEP_OPEN));
    assertEquals(await peer.answer(), YES);
    clock.advance(50_000);
    await peer.send(task({ n: "2" }, KEEP_OPEN));
    assertEquals(await peer.answer(), YES);
    let isClosed = false;
    const closed = peer.rest().finally(() => isClosed = true);
    await until(() => {
      clock.advance(1000);
      return isClosed;
    }, "it is closed");
    assertEquals(await closed, "");
    assertEquals(reception.refusals(), []);
  });

  test("only networks of spooler-allow may talk", async () => {
    await using reception = await open({ ini: ["spooler-allow = 10.0.0.0/8 ::1"] });
    using peer = await reception.connect();
    assertEquals(await peer.rest(), "ff000000");
    assertEquals(reception.refusals(), ["denied: not in spooler-allow"]);
    await using allowing = await open({ ini: ["spooler-allow = 127.0.0.0/8"] });
    using other = await allowing.connect();
    await other.send(task({}));
    assertEquals(await other.rest(), "ff000001");
  });

  test("when connections run out, the one that is silent longest makes room", async () => {
    await using reception = await open({ ini: ["spooler-max-connections = 2"] });
    using first = await reception.connect();
    await first.send(task({ n: "1" }, KEEP_OPEN));
    await first.answer();
    using second = await reception.connect();
    await second.send(task({ n: "2" }, KEEP_OPEN));
    await second.answer();
    using third = await reception.connect();
    await third.send(task({ n: "3" }));
    assertEquals(await third.rest(), "ff000001");
    assertEquals(await first.rest(), "");
    assertStringIncludes(reception.refusals().join(), "crowded: closed as the longest silent");
    await second.send(task({ n: "4" }));
    assertEquals(await second.rest(), "ff000001");
  });

  test("when all connections are at work, a new one is refused", async () => {
    const gate = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    await using reception = await open({
      ini: ["spooler-max-connections = 1"],
      accept: () => {
        begun.resolve();
        return gate.promise;
      },
    });
    using busy = await reception.connect();
    await busy.send(task({}));
    await begun.promise;
    using other = await reception.connect();
    assertEquals(await other.rest(), "ff000000");
    assertStringIncludes(reception.refusals().join(), "crowded: every connection is busy");
    gate.resolve();
    assertEquals(await busy.rest(), "ff000001");
  });

  test("closing answers what has begun, and hangs up on who is idle", async () => {
    const gate = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const reception = await open({
      accept: () => {
        begun.resolve();
        return gate.promise;
      },
    });
    using idle = await reception.connect();
    using busy = await reception.connect();
    await busy.send(task({}, KEEP_OPEN));
    await begun.promise;
    const closed = reception.sockets.close();
    assertEquals(await idle.rest(), "");
    gate.resolve();
    assertEquals(await busy.rest(), "ff000001");
    await closed;
    await reception[Symbol.asyncDispose]();
  });

  test("closing waits for what is on its way, but not for ever", async () => {
    const clock = new FakeClock();
    const reception = await open({ clock });
    using peer = await reception.connect();
    await peer.send(task({ n: "1" }, KEEP_OPEN | WITH_BODY), encodeBodySize(100), bytes("half"));
    using slow = await reception.connect();
    await slow.send(Uint8Array.of(17, 9));
    const tmp = `${reception.store.dir}/.spooler/tmp`;
    await until(() => [...Deno.readDirSync(tmp)].length > 0, "the body has begun");
    let isClosed = false;
    const closed = reception.sockets.close().then(() => isClosed = true);
    await until(() => {
      clock.advance(1000);
      return isClosed;
    }, "all are closed");
    await closed;
    assertEquals([...Deno.readDirSync(tmp)], []);
    await reception[Symbol.asyncDispose]();
  });

  test("unix sockets: file and abstract, permissions, and gone at the end", async () => {
    const reception = await open({ ini: ["socket = in.sock", "chmod-socket = 600"] });
    const path = `${reception.dir}/in.sock`;
    assertEquals((Deno.lstatSync(path).mode ?? 0) & 0o777, 0o600);
    using peer = new Peer(await Deno.connect({ transport: "unix", path }));
    await peer.send(task({}));
    assertEquals(await peer.rest(), "ff000001");
    await reception.sockets.close();
    await until(() => !exists(path), "the socket file is gone");
    await reception[Symbol.asyncDispose]();

    const name = `spooler-test-${crypto.randomUUID()}`;
    await using abstract = await open({ ini: [`socket = @${name}`] });
    using other = new Peer(await Deno.connect({ transport: "unix", path: `\0${name}` }));
    await other.send(task({}));
    assertEquals(await other.rest(), "ff000001");
    assert(abstract.events.some((event) => {
      return event.type === "listener.opened" && event.address === `@${name}`;
    }));
  });

  test("a unix socket that another program takes over is noticed, and so is its return", async () => {
    const clock = new FakeClock();
    await using reception = await open({ ini: ["socket = in.sock"], clock });
    const path = `${reception.dir}/in.sock`;
    const said = () =>
      reception.events.flatMap((event) =>
        event.type === "listener.troubled"
          ? [event.reason]
          : event.type === "listener.recovered"
          ? ["recovered"]
          : event.type === "listener.reopened"
          ? ["reopened"]
          : []
      );
    clock.advance(6000);
    assertEquals(said(), []);
    // As uWSGI does: it removes what is in its way.
    Deno.renameSync(path, `${path}.ours`);
    using _other = Deno.listen({ transport: "unix", path });
    clock.advance(12_000);
    assertEquals(said(), [
      "another program replaced the socket and gets what is sent; stop one of the two",
    ]);
    Deno.renameSync(`${path}.ours`, path);
    clock.advance(6000);
    assertEquals(said().slice(1), ["recovered"]);
  });

  test("a unix socket whose file was removed is opened again, once it can be", async () => {
    const clock = new FakeClock();
    const dir = await tempDir();
    await using _dir = dir;
    await Deno.mkdir(`${dir.path}/run`);
    const path = `${dir.path}/run/in.sock`;
    await using reception = await open({ ini: [`socket = ${path}`, "chmod-socket = 660"], clock });
    const said = () =>
      reception.events.flatMap((event) =>
        event.type === "listener.troubled"
          ? [event.reason]
          : event.type === "listener.reopened"
          ? [`${event.address} reopened`]
          : []
      );
    const heard = async (count: number) => {
      await until(() => {
        clock.advance(1000);
        return said().length === count;
      }, "it is said");
    };
    using before = new Peer(await Deno.connect({ transport: "unix", path }));
    Deno.removeSync(path);
    await heard(1);
    assertEquals(said(), [`${path} reopened`]);
    assertEquals((Deno.lstatSync(path).mode ?? 0) & 0o777, 0o660);
    // Who was connected is answered.
    await before.send(task({}));
    assertEquals(await before.rest(), "ff000001");
    using peer = new Peer(await Deno.connect({ transport: "unix", path }));
    await peer.send(task({}));
    assertEquals(await peer.rest(), "ff000001");

    Deno.removeSync(`${dir.path}/run`, { recursive: true });
    await heard(2);
    assertMatch(said()[1] ?? "", /^its file was removed and cannot be made again: .*No such file/i);
    for (let n = 0; n < 3; n++) clock.advance(1000);
    await Deno.mkdir(`${dir.path}/run`);
    await heard(3);
    assertEquals(said()[2], `${path} reopened`);
    using last = new Peer(await Deno.connect({ transport: "unix", path }));
    await last.send(task({}));
    assertEquals(await last.rest(), "ff000001");
    await reception.sockets.close();
    assert(!exists(path));
  });

  test("a file of another program in the place of one that was removed stays", async () => {
    const clock = new FakeClock();
    await using reception = await open({ ini: ["socket = in.sock"], clock });
    const path = `${reception.dir}/in.sock`;
    // Another program makes it behind the check that finds ours gone, and before ours is made again.
    const theirs = () => {
      if (!exists(path)) Deno.writeTextFileSync(path, "theirs");
    };
    const { lstatSync, listen } = Deno;
    if (driver === "poll loop") {
      Deno.lstatSync = (asked) => {
        try {
          return lstatSync(asked);
        } catch (error) {
          Deno.lstatSync = lstatSync;
          theirs();
          throw error;
        }
      };
    } else {
      Deno.listen = ((options: Deno.TcpListenOptions) => {
        theirs();
        return listen(options);
      }) as typeof Deno.listen;
    }
    try {
      Deno.removeSync(path);
      await until(() => {
        clock.advance(1000);
        return reception.events.some(({ type }) => type === "listener.troubled");
      }, "it is said");
    } finally {
      Object.assign(Deno, { lstatSync, listen });
    }
    assertEquals(Deno.readTextFileSync(path), "theirs");
    const [reason] = reception.events.flatMap((event) =>
      event.type === "listener.troubled" ? [event.reason] : []
    );
    assertStringIncludes(reason ?? "", "its file was removed and cannot be made again: in use by");
    Deno.removeSync(path);
    await until(() => {
      clock.advance(1000);
      return reception.events.some(({ type }) => type === "listener.reopened");
    }, "it is open again");
  });
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}
