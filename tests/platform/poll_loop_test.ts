/** A loop that waits in a thread of its own: its time, and what a start that fails leaves. */

import { LoopTimers, PollLoop } from "../../src/platform/poll_loop.ts";
import type { SocketCalls } from "../../src/platform/socket_calls.ts";
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
