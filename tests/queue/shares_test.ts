/** Limits of functions and of keys: who may start, and whose turn it is. */

import fc from "fast-check";
import { Tasks } from "../../src/queue/tasks.ts";
import { GONE } from "../../src/queue/task_event.ts";
import { type TaskLimit, TaskLimits } from "../../src/queue/task_limits.ts";
import { taskId } from "../../src/spool/layout.ts";
import { textVar } from "../../src/wire/packet.ts";
import { assert, assertEquals } from "../support/assert.ts";

const limit = (func: string | null, key: string | null, processes: number): TaskLimit => {
  return { func, key, processes };
};

interface Made {
  readonly name: string;
  readonly func?: string;
  readonly customer?: string;
  readonly priority?: string;
}

class Table {
  readonly tasks = new Tasks(Infinity, undefined, true);
  readonly running: string[] = [];
  readonly #made = new Map<string, Made>();
  readonly #limits: TaskLimits;

  constructor(...limits: TaskLimit[]) {
    this.#limits = new TaskLimits(limits);
  }

  see(made: Made): void {
    const task = { name: made.name, priority: made.priority ?? null, dueAt: this.#made.size };
    this.#made.set(taskId(task), made);
    this.tasks.see(task, 1e9);
  }

  sort(): void {
    for (let task = this.tasks.firstUnsorted(); task; task = this.tasks.firstUnsorted()) {
      const { func = "send", customer } = this.#made.get(taskId(task)) as Made;
      const vars = customer === undefined ? [] : [textVar("customer", customer)];
      this.tasks.sort(taskId(task), this.#limits.shareOf(func, vars, null));
    }
  }

  /** Starts what may start. */
  start(slots: number): void {
    this.sort();
    while (this.running.length < slots) {
      const task = this.tasks.firstReady(1e9);
      if (task === undefined) return;
      const id = taskId(task);
      this.tasks.apply(id, { type: "claimed", handler: null, limits: task.share?.limits ?? [] });
      this.running.push(id);
    }
  }

  end(id: string): void {
    this.running.splice(this.running.indexOf(id), 1);
    this.tasks.apply(id, GONE);
  }

  get customers(): string[] {
    return this.running.map((id) => this.#made.get(id)?.customer ?? "-");
  }

  made(id: string): Made {
    return this.#made.get(id) as Made;
  }
}

Deno.test("a customer with ten thousand tasks does not hold up one with one", () => {
  const table = new Table(limit(null, "customer", 1));
  for (let n = 0; n < 10_000; n++) table.see({ name: `a${n}`, customer: "a" });
  table.see({ name: "b", customer: "b" });
  table.start(4);
  assertEquals(table.customers, ["a", "b"]);
  assertEquals(table.tasks.waitingForLimits(), [
    { limit: "customer=a", processes: 1, running: 1, waiting: 9999 },
  ]);
  assertEquals(table.tasks.limitOf("a9999"), { limit: "customer=a", processes: 1, running: 1 });
  // They run, or are not there.
  assertEquals(["a0", "b", "c"].map((id) => table.tasks.limitOf(id)), [null, null, null]);
  assertEquals(table.tasks.firstReady(1e9), undefined);
});

Deno.test("more customers than slots take turns, whoever came first", () => {
  const table = new Table(limit("send", "customer", 1));
  for (const customer of ["a", "b", "c", "d", "e"]) {
    for (let n = 0; n < 20; n++) table.see({ name: `${customer}${n}`, customer });
  }
  const started = new Map<string, number>();
  for (let n = 0; n < 50; n++) {
    table.start(2);
    const [id = ""] = table.running;
    const customer = table.made(id).customer ?? "";
    started.set(customer, (started.get(customer) ?? 0) + 1);
    table.end(id);
  }
  assertEquals([...started.values()], [10, 10, 10, 10, 10]);
});

Deno.test("who could not use its turns has not saved them up", () => {
  const table = new Table(limit(null, "customer", 1));
  for (let n = 0; n < 50; n++) table.see({ name: `slow${n}`, customer: "slow" });
  for (let n = 0; n < 50; n++) table.see({ name: `b${n}`, customer: "b" });
  for (let n = 0; n < 50; n++) table.see({ name: `c${n}`, customer: "c" });
  table.start(2);
  const [slow = ""] = table.running;
  assertEquals(table.made(slow).customer, "slow");
  for (let n = 0; n < 20; n++) {
    table.end(table.running[1] ?? "");
    table.start(2);
  }
  const order: string[] = [];
  table.end(slow);
  for (let n = 0; n < 9; n++) {
    table.start(2);
    const id = table.running[0] ?? "";
    order.push(table.made(id).customer ?? "");
    table.end(id);
  }
  const count = (name: string) => order.filter((each) => each === name).length;
  assertEquals([count("slow"), count("b"), count("c")], [3, 3, 3], order.join());
});

Deno.test("a customer whose tasks come one by one does not hold up one whose tasks wait", () => {
  const table = new Table(limit(null, "customer", 1));
  for (let n = 0; n < 10; n++) table.see({ name: `a${n}`, customer: "a" });
  const order: string[] = [];
  for (let n = 0; n < 10; n++) {
    table.start(1);
    order.push(...table.customers);
    // As a task does that puts the next one.
    table.see({ name: `b${n}`, customer: "b" });
    table.sort();
    table.end(table.running[0] ?? "");
  }
  assertEquals(order.join(""), "ababababab");
});

Deno.test("priorities go before turns, also within a customer that waits for its limit", () => {
  const table = new Table(limit(null, "customer", 1));
  for (let n = 0; n < 5; n++) table.see({ name: `a${n}`, customer: "a" });
  table.start(1);
  table.see({ name: "b", customer: "b" });
  table.see({ name: "urgent", customer: "a", priority: "1" });
  table.sort();
  table.end("a0");
  table.start(1);
  assertEquals(table.running, ["1/urgent"]);
});

Deno.test("limits of a function and of its keys hold together, and nothing is forgotten", () => {
  const anyTask = fc.record({
    func: fc.constantFrom("send", "resize"),
    customer: fc.option(fc.constantFrom("a", "b", "c"), { nil: undefined }),
    priority: fc.option(fc.constantFrom("1", "2"), { nil: undefined }),
    steps: fc.array(fc.constantFrom("end", "remove", "start"), { maxLength: 4 }),
    chance: fc.nat(),
  });
  const anyLimits = fc.record({
    all: fc.nat(3),
    ofSend: fc.nat(3),
    ofKey: fc.nat(3),
    slots: fc.nat(5),
  });
  fc.assert(
    fc.property(fc.array(anyTask, { maxLength: 40 }), anyLimits, (made, wanted) => {
      const [all, ofSend, ofKey] = [wanted.all + 1, wanted.ofSend + 1, wanted.ofKey + 1];
      const slots = wanted.slots + 1;
      const table = new Table(
        limit("resize", null, all),
        limit("send", null, ofSend),
        limit(null, "customer", ofKey),
      );
      const waiting = new Set<string>();
      const check = () => {
        const running = table.running.map((id) => table.made(id));
        const count = (of: (each: Made) => boolean) => running.filter(of).length;
        assert(count(({ func }) => func === "resize") <= all);
        assert(count(({ func }) => func === "send") <= ofSend);
        for (const customer of ["a", "b", "c"]) {
          assert(count((each) => each.customer === customer) <= ofKey);
        }
      };
      // What may start does: no slot stays empty beside a task that no limit keeps.
      const checkFull = () => {
        if (table.running.length >= slots) return;
        const running = table.running.map((id) => table.made(id));
        for (const id of waiting) {
          const { func, customer } = table.made(id);
          const own = running.filter((each) => each.func === func).length;
          const same = running.filter((each) => each.customer === customer).length;
          const isKept = own >= (func === "send" ? ofSend : all) ||
            customer !== undefined && same >= ofKey;
          assert(isKept, `${id} could run`);
        }
      };
      const start = () => {
        table.start(slots);
        for (const id of table.running) waiting.delete(id);
        check();
        checkFull();
      };
      made.forEach(({ steps, chance, customer, priority, func }, index) => {
        const name = `t${index}`;
        table.see({
          ...{ name, func },
          ...(customer === undefined ? {} : { customer }),
          ...(priority === undefined ? {} : { priority }),
        });
        waiting.add(priority === undefined ? name : `${priority}/${name}`);
        for (const step of steps) {
          if (step === "start") start();
          const ids = step === "end" ? table.running : [...waiting];
          const id = ids[chance % Math.max(1, ids.length)];
          if (step === "start" || id === undefined) continue;
          if (step === "end") table.end(id);
          else {
            table.sort();
            table.tasks.apply(id, GONE);
            waiting.delete(id);
          }
        }
      });
      while (waiting.size > 0) {
        start();
        const [id] = table.running;
        assert(id !== undefined, "nothing runs, and something waits");
        table.end(id);
      }
    }),
    { numRuns: 500 },
  );
});

Deno.test("a blank in a function does not make it the share of another", () => {
  const limits = new TaskLimits([limit("send", null, 2), limit(null, "k", 1)]);
  const one = limits.shareOf("send", [textVar("k", "a b")], null);
  const other = limits.shareOf("send a", [textVar("k", "b")], null);
  assert(one.key !== other.key);
  assertEquals([one.limits.length, other.limits.length], [2, 1]);
});

Deno.test("a key's value may be long, and a task without the key has only the other limits", () => {
  const limits = new TaskLimits([
    limit("send", null, 3),
    limit(null, "k", 1),
    limit("send", "k", 2),
  ]);
  const [a, b] = ["a", "b"].map((end) =>
    limits.shareOf("send", [textVar("k", "x".repeat(5000) + end)], null)
  );
  assert(a !== undefined && b !== undefined && a.key !== b.key && a.key.length < 300);
  assertEquals(a.limits.map(({ text, processes }) => [text.slice(0, 11), processes]), [
    ["send", 3],
    ["send, k=xxx", 2],
  ]);
  assertEquals(limits.shareOf("send", [], 7).limits.map(({ processes }) => processes), [7, 3]);
  assertEquals(limits.shareOf("other", [textVar("k", "1")], null).limits.map(({ text }) => text), [
    "k=1",
  ]);
});
