import { assertEquals, assertRejects } from "@std/assert";
import { doneOrAborted, pauseOrAbort } from "../../src/platform/aborting.ts";
import { systemClock } from "../../src/platform/clock.ts";

/** A signal that counts who listens to it. */
function countedSignal() {
  const controller = new AbortController();
  const { signal } = controller;
  const counted = { controller, signal, listeners: 0 };
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    counted.listeners++;
    add(...args);
  };
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    counted.listeners--;
    remove(...args);
  };
  return counted;
}

Deno.test("a wait ends with its time, and leaves no listener at the signal", async () => {
  const counted = countedSignal();
  await pauseOrAbort(systemClock, 1, counted.signal, undefined);
  assertEquals(counted.listeners, 0);
});

Deno.test("a wait ends when one of its signals is aborted, and leaves no timer and no listener", async () => {
  const [one, other] = [countedSignal(), countedSignal()];
  const waiting = pauseOrAbort(systemClock, 3_600_000, one.signal, other.signal);
  assertEquals([one.listeners, other.listeners], [1, 1]);
  other.controller.abort();
  await waiting;
  assertEquals([one.listeners, other.listeners], [0, 0]);
});

Deno.test("a wait for an aborted signal is none", async () => {
  await pauseOrAbort(systemClock, 3_600_000, AbortSignal.abort());
});

Deno.test("what is waited for rejects as it does, and leaves no listener", async () => {
  const counted = countedSignal();
  const failing = Promise.reject(new Error("no room"));
  await assertRejects(() => doneOrAborted(failing, counted.signal), Error, "no room");
  assertEquals(counted.listeners, 0);
});
