/** The name of a target is looked up again while tasks flow, and a new address is used. */

import { assert, assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";
import { ForwardSite } from "../support/forward.ts";
import { ours, Peer, type Received, textOf } from "../support/peer.ts";
import { until } from "../support/until.ts";

const NAME = "hub.example:3031";

/** Ahead of the files' times, so that every task is due. */
const fakeClock = () => new FakeClock(Date.now() + 60_000);

/** A name that means the peer that was set last; null is no such name. */
function directory(first: Peer) {
  const state: { peer: Peer | null; lookUps: number } = { peer: first, lookUps: 0 };
  const dial = () => {
    state.lookUps++;
    if (state.peer === null) return Promise.reject(new Error("no such name"));
    return Deno.connect({ hostname: "127.0.0.1", port: state.peer.port }) as Promise<Deno.Conn>;
  };
  return { state, dial };
}

/** Sends tasks without a pause that would close the connection, for so many seconds. */
async function steadily(site: ForwardSite, clock: FakeClock, seconds: number): Promise<void> {
  for (let passed = 0; passed < seconds; passed += 5) {
    await site.put({ at: "1", second: String(clock.monotonic() / 1000) });
    await site.drained();
    clock.advance(5000);
  }
}

Deno.test("with steady traffic a name that moves is followed within a minute", async () => {
  const clock = fakeClock();
  const [before, after]: [Received[], Received[]] = [[], []];
  await using old = new Peer(ours(before));
  await using other = new Peer(ours(after));
  const { state, dial } = directory(old);
  await using site = await ForwardSite.start({ targets: [NAME], dial, clock });
  await steadily(site, clock, 20);
  state.peer = other;
  await steadily(site, clock, 40);
  assertEquals([before.length, after.length], [12, 0]);
  // This one asks for the look-up; those behind it go to the new address.
  await steadily(site, clock, 5);
  await until(() => other.connections === 1, "the new address is used");
  await steadily(site, clock, 10);
  assert(after.length >= 2, `${after.length} tasks arrived at the new address`);
  assertEquals(state.lookUps, 2);
  assertEquals(new Set([...before, ...after].map((task) => textOf(task, "second"))).size, 15);
  assertEquals(site.of("target.down"), []);
});

Deno.test("a name that cannot be looked up any more does not stop a connection that works", async () => {
  const clock = fakeClock();
  const accepted: Received[] = [];
  await using peer = new Peer(ours(accepted));
  const { state, dial } = directory(peer);
  await using site = await ForwardSite.start({ targets: [NAME], dial, clock });
  await steadily(site, clock, 20);
  state.peer = null;
  await steadily(site, clock, 130);
  assertEquals(accepted.length, 30);
  assertEquals([peer.connections, state.lookUps], [1, 3]);
  assertEquals(site.of("target.down"), []);
});

Deno.test("an address in figures is not looked up", async () => {
  const clock = fakeClock();
  const accepted: Received[] = [];
  await using peer = new Peer(ours(accepted));
  const { state, dial } = directory(peer);
  await using site = await ForwardSite.start({ targets: ["127.0.0.1:3031"], dial, clock });
  await steadily(site, clock, 130);
  assertEquals([accepted.length, state.lookUps], [26, 1]);
});
