import { Replays } from "../../src/wire/replays.ts";
import { assertEquals } from "../support/assert.ts";

const WINDOW_MS = 300_000;
const NOW = Date.UTC(2026, 10, 23);
const sig = (n: number) => n.toString(16).padStart(64, "0").split("").reverse().join("");

Deno.test("a signature counts once within its window", () => {
  const replays = new Replays(WINDOW_MS, 1000);
  assertEquals(replays.admit(sig(1), NOW, NOW), true);
  assertEquals(replays.admit(sig(1), NOW, NOW), false);
  assertEquals(replays.admit(sig(2), NOW, NOW), true);
  // The last moment at which it is not stale.
  assertEquals(replays.admit(sig(1), NOW, NOW + WINDOW_MS), false);
});

Deno.test("a signature from a clock that is ahead is remembered for as long as it is good", () => {
  const replays = new Replays(WINDOW_MS, 1000);
  const ahead = NOW + WINDOW_MS;
  assertEquals(replays.admit(sig(1), ahead, NOW), true);
  assertEquals(replays.admit(sig(1), ahead, ahead + WINDOW_MS), false);
});

Deno.test("when memory is full the oldest are forgotten, and nothing so old counts again", () => {
  const replays = new Replays(WINDOW_MS, 10);
  for (let n = 0; n < 10; n++) assertEquals(replays.admit(sig(n), NOW + n * 30_000, NOW), true);
  assertEquals(replays.admit(sig(99), NOW + 100_000, NOW), true);
  assertEquals(replays.admit(sig(0), NOW, NOW), false);
  assertEquals(replays.admit(sig(100), NOW + 1, NOW), false);
  assertEquals(replays.admit(sig(1), NOW + 30_000, NOW), false);
  assertEquals(replays.admit(sig(101), NOW + 60_000, NOW), true);
});
