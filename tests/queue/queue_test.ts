import fc from "fast-check";
import { Heap } from "../../src/queue/heap.ts";
import { Queue } from "../../src/queue/queue.ts";
import type { SeenTask } from "../../src/spool/store.ts";
import { assertEquals } from "../support/assert.ts";

function task(name: string, dueAt = 0, priority: string | null = null): SeenTask {
  return { name, dueAt, priority };
}

function drain(queue: Queue, now: number): string[] {
  const names: string[] = [];
  for (let next = queue.take(now); next; next = queue.take(now)) names.push(next.name);
  return names;
}

Deno.test("a heap gives back what it was given, in order", () => {
  fc.assert(fc.property(fc.array(fc.integer()), (numbers) => {
    const heap = new Heap<number>((a, b) => a - b);
    numbers.forEach((number) => heap.push(number));
    const out: number[] = [];
    while (heap.size > 0) out.push(heap.pop() as number);
    assertEquals(out, numbers.toSorted((a, b) => a - b));
  }));
});

Deno.test("priority first, then due time, then uWSGI's order of names", () => {
  const queue = new Queue();
  for (
    const each of [
      task("late", 5),
      task("b_10", 1),
      task("b_9", 1),
      task("p10", 9, "10"),
      task("p9", 9, "9"),
    ]
  ) queue.put(each, 100);
  assertEquals(drain(queue, 100), ["p9", "p10", "b_9", "b_10", "late"]);
});

Deno.test("a deferred task waits for its time", () => {
  const queue = new Queue();
  queue.put(task("later", 200), 100);
  assertEquals(queue.take(199), undefined);
  assertEquals(queue.nextDueAt(), 200);
  assertEquals(queue.take(200)?.name, "later");
  assertEquals(queue.nextDueAt(), undefined);
});

Deno.test("a task seen twice runs once, at the time seen last", () => {
  const queue = new Queue();
  queue.put(task("a", 50), 100);
  queue.put(task("a", 50), 100);
  queue.put(task("a", 300), 100);
  assertEquals(queue.size, 1);
  assertEquals(drain(queue, 100), []);
  assertEquals(drain(queue, 300), ["a"]);
  assertEquals(queue.size, 0);
});

Deno.test("a task that is brought forward runs at its new time", () => {
  const queue = new Queue();
  queue.put(task("a", 300), 100);
  queue.put(task("a", 90), 100);
  assertEquals(drain(queue, 100), ["a"]);
  assertEquals(queue.nextDueAt(), undefined);
});

Deno.test("a full queue says so, and holds as many deferred tasks besides", () => {
  const queue = new Queue(2);
  assertEquals(["a", "b", "c"].map((name) => queue.put(task(name), 100)), [true, true, false]);
  assertEquals(queue.put(task("later", 200), 100), true);
  queue.take(100);
  assertEquals(queue.put(task("c"), 100), true);
});
