import { Locks } from "../../src/worker/locks.ts";
import { assertEquals } from "../support/assert.ts";

Deno.test("a lock goes to those who wait, in order; a dead holder's is free", async () => {
  const locks = new Locks<string>();
  const order: string[] = [];
  const lock = (who: string) => locks.lock(0, who).then(() => void order.push(who));
  await lock("a");
  const waiting = [lock("b"), lock("c"), lock("d")];
  locks.unlock(0, "b"); // It has it not.
  await Promise.resolve();
  assertEquals([order, locks.isHeld(0), locks.isHeld(1)], [["a"], true, false]);
  locks.forget("c");
  locks.unlock(0, "a");
  await waiting[0];
  locks.forget("b");
  await waiting[2];
  assertEquals(order, ["a", "b", "d"]);
  locks.unlock(0, "d");
  assertEquals(locks.isHeld(0), false);
});

Deno.test("who has a lock gets it again at once", async () => {
  const locks = new Locks<string>();
  await locks.lock(3, "a");
  await locks.lock(3, "a");
  locks.unlock(3, "a");
  assertEquals(locks.isHeld(3), false);
});
