/** A loop that waits in a thread of its own: its time, how it waits, and what a start that fails leaves. */

import { systemClock } from "../../src/platform/clock.ts";
import { EPOLL_DATA_AT } from "../../src/platform/linux.ts";
import { LoopTimers, PollLoop } from "../../src/platform/poll_loop.ts";
import type { ReadyList, SocketCalls } from "../../src/platform/socket_calls.ts";
import { assertEquals, assertThrows } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";

Deno.test("within a round the time of a loop stands still, and goes on for who measures calls", () => {
  const clock = new FakeClock();
  const timers = new LoopTimers(clock);
  const { running } = timers;
  const times = () => [timers.monotonic(), running.monotonic()];
  assertEquals(times(), [0, 0]);
  clock.advance(300);
  assertEquals(times(), [0, 300]);
  timers.forgetTime();
  assertEquals(times(), [300, 300]);
});

Deno.test("the timers of a loop go off when they are due, whichever clock set them", () => {
  const clock = new FakeClock();
  const timers = new LoopTimers(clock);
  const gone: number[] = [];
  timers.after(10, () => gone.push(10));
  timers.running.after(20, () => gone.push(20));
  const cancel = timers.running.after(15, () => gone.push(15));
  cancel();
  clock.advance(20);
  timers.forgetTime();
  timers.run();
  assertEquals([gone, timers.leftMs()], [[10, 20], null]);
});

Deno.test("a loop for which descriptors run out has closed those that it had", () => {
  const EMFILE = 24;
  for (const failing of ["createPoll", "createSignal", "addToPoll"]) {
    const open = new Set<number>();
    const make = (fd: number) => open.add(fd) && fd;
    const calls = {
      createPoll: () => make(7),
      createSignal: () => make(8),
      addToPoll: () => 0,
      close: (fd: number) => void open.delete(fd),
      ...{ [failing]: () => -EMFILE },
    } as unknown as SocketCalls;
    assertThrows(() => new PollLoop({ calls, timers: null }), Error, "errno 24");
    assertEquals([...open], []);
  }
});

Deno.test("a loop that is held sees what is ready also while no other thread can look", async () => {
  const FD = 20;
  const tags = new Map<number, number>();
  const ended = Promise.withResolvers<number>();
  let isReady = false;
  let isStopped = false;
  const calls = {
    createPoll: () => 7,
    createSignal: () => 8,
    addToPoll: (_poll: number, fd: number, _events: number, tag: number) => {
      tags.set(fd, tag);
      return 0;
    },
    close: () => {},
    // The threads of the runtime are busy until the very end.
    waitLater: () => ended.promise,
    raiseSignal: () => isStopped && ended.resolve(0),
    wait(_poll: number, ready: ReadyList, timeoutMs: number) {
      assertEquals(timeoutMs, 0, "it does not keep the thread to itself");
      if (!isReady) return 0;
      const view = new DataView(ready.bytes.buffer);
      view.setUint32(0, 1, true);
      view.setUint32(EPOLL_DATA_AT, FD, true);
      view.setUint32(EPOLL_DATA_AT + 4, tags.get(FD) ?? 0, true);
      isReady = false;
      return 1;
    },
  } as unknown as SocketCalls;
  const loop = new PollLoop({ calls, timers: new LoopTimers(systemClock) });
  const seen = Promise.withResolvers<number>();
  loop.watch(FD, 1, { ready: (events) => seen.resolve(events) });
  loop.hold();
  const running = loop.run();
  setTimeout(() => isReady = true);
  assertEquals(await seen.promise, 1);
  isStopped = true;
  loop.stop();
  await running;
});
