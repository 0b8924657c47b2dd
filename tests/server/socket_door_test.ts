/** What a poll loop's door does when the system has no room. */

import { SocketCalls } from "../../src/platform/socket_calls.ts";
import { PollLoop } from "../../src/platform/poll_loop.ts";
import { SocketDoor } from "../../src/server/socket_door.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";
import { testWith } from "../support/require.ts";
import { opened } from "../support/socket_calls.ts";
import { until } from "../support/until.ts";

const AF_INET = 2;
const EMFILE = 24;
const ENOSPC = 28;

/** A system that may have no descriptors left, or no room to watch another one. */
class FullCalls extends SocketCalls {
  hasDescriptors = true;
  watchesMore = true;

  override accept(fd: number): number {
    return this.hasDescriptors ? super.accept(fd) : -EMFILE;
  }

  override addToPoll(...args: Parameters<SocketCalls["addToPoll"]>): number {
    return this.watchesMore ? super.addToPoll(...args) : -ENOSPC;
  }
}

const callsOf = opened(FullCalls);

testWith(
  "libc",
  "a door that had to pause opens again where nothing more can be watched",
  async () => {
    const calls = callsOf();
    const clock = new FakeClock();
    const loop = new PollLoop({ calls, timers: null });
    const listening = calls.create(AF_INET);
    calls.listen(listening, 5);
    const name = calls.nameOf(listening);
    assert(name?.kind === "tcp");
    const troubles: (string | null)[] = [];
    let admitted = 0;
    const door = new SocketDoor({
      ...{ fd: listening, credential: null, loop, calls, clock },
      admit: (accepted) => {
        admitted++;
        accepted.turnAway(new Uint8Array(4));
      },
      troubled: (reason) => troubles.push(reason),
    });
    const running = loop.run();
    calls.hasDescriptors = calls.watchesMore = false;
    using _ = await Deno.connect({ hostname: "127.0.0.1", port: name.port });
    await until(() => troubles.length === 1, "it pauses");
    calls.hasDescriptors = true;
    clock.advance(100);
    await until(() => admitted === 1, "the connection is accepted");
    assertEquals(troubles, ["accept socket: Too many open files (errno 24)", null]);
    door.close();
    loop.stop();
    await running;
  },
);
