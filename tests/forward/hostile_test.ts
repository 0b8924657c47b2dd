/** Targets that mean harm: what they send costs neither memory nor log, and swallows no task. */

import { encodeHeader, MODIFIER_ANSWER, MODIFIER_PING } from "../../src/wire/packet.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { ForwardSite } from "../support/forward.ts";
import {
  ACCEPTED,
  ours,
  Peer,
  pong,
  type Received,
  refusal,
  type Script,
  type Talk,
  textOf,
} from "../support/peer.ts";
import { until } from "../support/until.ts";

const CHUNK = 64 * 1024;
/** What the buffers of the system hold of a connection, and some more. */
const MOST_TAKEN = 12 * 1024 * 1024;
const FLOOD = 64 * 1024 * 1024;

/** Says this again and again until the other side hangs up; counts the bytes that it took. */
async function flood(talk: Talk, piece: Uint8Array, taken: number[]): Promise<void> {
  const many = new Uint8Array(Math.ceil(CHUNK / piece.length) * piece.length);
  for (let at = 0; at < many.length; at += piece.length) many.set(piece, at);
  let count = 0;
  try {
    while (count < FLOOD) count += await talk.socket.write(many);
  } finally {
    taken.push(count);
  }
}

/** Answers the ping; `task` has the rest of the connection from its first task on. */
function greeted(task: (talk: Talk) => Promise<void>): Script {
  return async (talk) => {
    await talk.next();
    await talk.say(pong());
    await talk.next();
    await task(talk);
  };
}

const header = (modifier1: number, size: number) => encodeHeader({ modifier1, size, modifier2: 1 });

for (
  const [what, makeScript] of [
    ["floods with junk in place of a ping reply", (taken) => async (talk) => {
      await talk.next();
      await flood(talk, new Uint8Array(CHUNK).fill(0x41), taken);
    }],
    ["floods with ping replies", (taken) => async (talk) => {
      await talk.next();
      await flood(talk, pong(), taken);
    }],
    [
      "floods with junk in place of an answer",
      (taken) => greeted((talk) => flood(talk, new Uint8Array(CHUNK).fill(0x41), taken)),
    ],
    [
      "floods with ping replies in place of answers",
      (taken) => greeted((talk) => flood(talk, pong(), taken)),
    ],
    ["announces the largest packet as its ping reply", (taken) => async (talk) => {
      await talk.next();
      await talk.say(header(MODIFIER_PING, 65_535));
      await flood(talk, new Uint8Array(CHUNK), taken);
    }],
    ["announces the largest packet as its answer", (taken) =>
      greeted(async (talk) => {
        await talk.say(header(MODIFIER_ANSWER, 65_535));
        await flood(talk, new Uint8Array(CHUNK), taken);
      })],
  ] as [string, (taken: number[]) => Script][]
) {
  Deno.test(`a target that ${what} is hung up on`, async () => {
    const taken: number[] = [];
    await using peer = new Peer(makeScript(taken));
    await using site = await ForwardSite.make({ targets: [peer.address] });
    for (let i = 0; i < 20; i++) await site.put({ i: String(i) });
    await site.start();
    await until(() => taken.length >= 5, "it was tried five times");
    for (const bytes of taken) assert(bytes < MOST_TAKEN, `${bytes} bytes were taken`);
    assertEquals([site.of("task.settled"), site.left().length], [[], 20]);
    assert(site.of("target.down").length <= 2);
  });
}

Deno.test("acceptances of tasks that were never sent accept nothing", async () => {
  const taken: number[] = [];
  await using peer = new Peer(greeted((talk) => flood(talk, ACCEPTED, taken)));
  await using site = await ForwardSite.make({ targets: [peer.address] });
  for (let i = 0; i < 200; i++) await site.put({ i: String(i) });
  await site.start();
  await until(() => taken.length >= 2, "it was hung up on twice");
  // One was answered rightly before the first answer too many.
  assertEquals(site.left().length >= 195, true);
  for (const bytes of taken) assert(bytes < MOST_TAKEN, `${bytes} bytes were taken`);
});

for (
  const [what, begin] of [
    ["ping reply", (talk) => talk.next()],
    ["answer", async (talk) => {
      await talk.next();
      await talk.say(pong());
      await talk.next();
    }],
  ] as [string, (talk: Talk) => Promise<unknown>][]
) {
  Deno.test(`a target that drips its ${what} byte by byte is given up after the timeout`, async () => {
    const hungUp: number[] = [];
    await using peer = new Peer(async (talk) => {
      await begin(talk);
      const startedAt = performance.now();
      try {
        // Of an answer of 4,000 bytes, as long as it may be.
        for (
          const byte of [what === "answer" ? 255 : 100, 0xa0, 0x0f, ...Array<number>(4000).fill(0)]
        ) {
          await talk.say(Uint8Array.of(byte));
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
      } finally {
        hungUp.push(performance.now() - startedAt);
      }
    });
    await using site = await ForwardSite.start({ targets: [peer.address], timeoutMs: 300 });
    await site.put({ i: "1" });
    const { reason } = await site.event("target.down");
    assert(/^no answer (for 0\.3|to a ping within 5) s$/.test(reason), reason);
    await until(() => hungUp.length > 0, "it is hung up on");
    const accepted: Received[] = [];
    peer.becomes(ours(accepted));
    await site.drained();
    assertEquals(new Set(accepted.map((task) => textOf(task, "spooler_id"))).size, 1);
  });
}

Deno.test("a target that goes up and down all the time does not fill the log", async () => {
  let tasks = 0;
  await using peer = new Peer(async (talk) => {
    for (let packet = await talk.next(); packet; packet = await talk.next()) {
      if (packet.header.modifier1 === MODIFIER_PING) await talk.say(pong());
      else if (tasks++ % 2) return await talk.say(refusal("full", { temporary: true }));
      else await talk.say(ACCEPTED);
    }
  });
  await using site = await ForwardSite.make({ targets: [peer.address] });
  for (let i = 0; i < 60; i++) await site.put({ i: String(i) });
  await site.start();
  await site.drained();
  const lines = site.of("target.down").length + site.of("target.up").length;
  assert(tasks >= 60 && lines <= 12, `${lines} lines for ${tasks} tasks`);
});
