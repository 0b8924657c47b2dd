import fc from "fast-check";
import { Heap } from "../../src/queue/heap.ts";
import { SortedQueue } from "../../src/queue/sorted_queue.ts";
import { GONE } from "../../src/queue/task_event.ts";
import { Tasks } from "../../src/queue/tasks.ts";
import { compareNatural, taskId } from "../../src/spool/layout.ts";
import type { SeenTask } from "../../src/spool/store.ts";
import { assert, assertEquals } from "../support/assert.ts";

function task(name: string, dueAt = 0, priority: string | null = null): SeenTask {
  return { name, dueAt, priority };
}

/** The task to run now, which then is done. */
function take(tasks: Tasks, now: number): SeenTask | undefined {
  const first = tasks.firstReady(now);
  if (first) tasks.apply(taskId(first), GONE);
  return first;
}

function drain(tasks: Tasks, now: number): string[] {
  const names: string[] = [];
  for (let next = take(tasks, now); next; next = take(tasks, now)) names.push(next.name);
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

Deno.test("a sorted queue gives the least of what it has, whatever comes and goes", () => {
  // Null takes one; most numbers come in order.
  const step = fc.oneof(fc.integer({ min: -9, max: 9 }), fc.constant(null), fc.constant(1000));
  fc.assert(fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
    const queue = new SortedQueue<number>((a, b) => a - b);
    let expected: number[] = [];
    for (const [at, by] of steps.entries()) {
      if (by === null) {
        assertEquals(queue.peek(), expected[0]);
        assertEquals(queue.pop(), expected.shift());
      } else {
        queue.push(at + by);
        expected = [...expected, at + by].toSorted((a, b) => a - b);
      }
      assertEquals(queue.size, expected.length);
      assertEquals([...queue.items()].toSorted((a, b) => a - b), expected);
    }
    assertEquals(queue.drain(), expected);
    assertEquals(queue.size, 0);
  }));
});

Deno.test("a sorted queue through which much has gone keeps nothing of it", () => {
  const queue = new SortedQueue<number>((a, b) => a - b);
  for (let n = 0; n < 5000; n++) {
    queue.push(n);
    if (n >= 10) assertEquals(queue.pop(), n - 10);
  }
  assertEquals([...queue.items()], [...Array(10).keys()].map((n) => 4990 + n));
});

Deno.test("priority first, then due time, then uWSGI's order of names", () => {
  const tasks = new Tasks();
  for (
    const each of [
      task("late", 5),
      task("b_10", 1),
      task("b_9", 1),
      task("p10", 9, "10"),
      task("p9", 9, "9"),
    ]
  ) tasks.see(each, 100);
  assertEquals(drain(tasks, 100), ["p9", "p10", "b_9", "b_10", "late"]);
});

Deno.test("a deferred task waits for its time", () => {
  const tasks = new Tasks();
  tasks.see(task("later", 200), 100);
  assertEquals(take(tasks, 199), undefined);
  assertEquals(tasks.nextDueAt(), 200);
  assertEquals(take(tasks, 200)?.name, "later");
  assertEquals(tasks.nextDueAt(), undefined);
});

Deno.test("a task seen twice runs once, at the time seen last", () => {
  const tasks = new Tasks();
  tasks.see(task("a", 50), 100);
  tasks.see(task("a", 50), 100);
  tasks.see(task("a", 300), 100);
  assertEquals(tasks.size, 1);
  assertEquals(drain(tasks, 100), []);
  assertEquals(drain(tasks, 300), ["a"]);
  assertEquals(tasks.size, 0);
});

Deno.test("a task that is brought forward runs at its new time", () => {
  const tasks = new Tasks();
  tasks.see(task("a", 300), 100);
  tasks.see(task("a", 90), 100);
  assertEquals(drain(tasks, 100), ["a"]);
  assertEquals(tasks.nextDueAt(), undefined);
});

Deno.test("a full queue says so, and holds as many deferred tasks besides", () => {
  const tasks = new Tasks(2);
  assertEquals(["a", "b", "c"].map((name) => tasks.see(task(name), 100)), [true, true, false]);
  assertEquals(tasks.see(task("later", 200), 100), true);
  take(tasks, 100);
  assertEquals(tasks.see(task("c"), 100), true);
});

/** Names that meet all of the order's rules: digits with and without zeros, runs of other characters. */
const anyTask = fc.record({
  name: fc.stringMatching(/^[ab01_]{1,6}$/),
  dueAt: fc.integer({ min: 0, max: 5 }),
  priority: fc.constantFrom(null, "1", "2", "10"),
});

Deno.test("whatever order tasks come in, they leave in theirs", () => {
  const ids = { selector: taskId, maxLength: 40 };
  fc.assert(fc.property(fc.uniqueArray(anyTask, ids), fc.integer(), (given, seed) => {
    const tasks = new Tasks();
    const mixed = given.toSorted((a, b) => hash(taskId(a), seed) - hash(taskId(b), seed));
    for (const each of mixed) tasks.see(each, each.dueAt % 2 === 0 ? 0 : 100);
    const out: SeenTask[] = [];
    for (let next = take(tasks, 100); next; next = take(tasks, 100)) out.push(next);
    assertEquals(out.length, given.length);
    for (const [i, next] of out.slice(1).entries()) {
      const before = out[i] as SeenTask;
      const rank = (each: SeenTask) => Number(each.priority ?? Infinity);
      const order = rank(before) === rank(next)
        ? before.dueAt - next.dueAt || compareNatural(before.name, next.name)
        : rank(before) - rank(next);
      assert(order <= 0, `${taskId(before)} before ${taskId(next)}`);
    }
  }));
});

function hash(text: string, seed: number): number {
  let value = seed;
  for (const char of text) value = Math.imul(value ^ char.charCodeAt(0), 0x9e3779b1);
  return value;
}

Deno.test("of too many deferred tasks the earliest are kept, and it is known from when on some miss", () => {
  const dueTimes = fc.uniqueArray(fc.integer({ min: 200, max: 1000 }), { minLength: 1 });
  const capacity = fc.integer({ min: 1, max: 8 });
  fc.assert(fc.property(dueTimes, capacity, (times, capacity) => {
    const tasks = new Tasks(capacity);
    for (const dueAt of times) assert(tasks.see(task(String(dueAt), dueAt), 100));
    assert(tasks.size <= capacity + 1);
    // What is due before the horizon is there, all of it; at the horizon the directory is asked again.
    const kept = times.filter((dueAt) => tasks.get(String(dueAt)) !== undefined);
    const missing = times.filter((dueAt) => tasks.get(String(dueAt)) === undefined);
    assertEquals(tasks.horizon, missing.length === 0 ? Infinity : Math.min(...missing));
    assert(kept.every((dueAt) => dueAt < tasks.horizon));
    assertEquals(tasks.nextDueAt(), Math.min(...times));

    tasks.forgetHorizon();
    assertEquals(drain(tasks, 1000), kept.toSorted((a, b) => a - b).map(String));
    for (const dueAt of missing) tasks.see(task(String(dueAt), dueAt), 1000);
    assertEquals(tasks.horizon, Infinity);
  }));
});
