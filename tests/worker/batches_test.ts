/** What workers are handed, and in which order they answer it. */

import type { Executor } from "../../src/exec/executor.ts";
import type { Handout, HandoutParts } from "../../src/queue/dispatcher.ts";
import type { Ready } from "../../src/queue/task_state.ts";
import { Tasks } from "../../src/queue/tasks.ts";
import { taskId } from "../../src/spool/layout.ts";
import type { Store } from "../../src/spool/store.ts";
import { Batches } from "../../src/worker/batches.ts";
import type { WorkerAnswer } from "../../src/worker/message.ts";
import type { Pool } from "../../src/worker/pool.ts";
import type { PoolListener } from "../../src/worker/pool_options.ts";
import type { TaskWorker } from "../../src/worker/task_worker.ts";
import { assertEquals, assertThrows } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";

/** A worker that keeps what it is handed. */
class IdleWorker {
  readonly queue: string[] = [];
  readonly label = "worker";
  isTaken = false;
  readonly busyMs = 0;

  constructor(private readonly tasks: Tasks) {}

  get unanswered(): ReadonlySet<string> {
    return this.tasks.unanswered(this);
  }

  get isBusy(): boolean {
    return this.unanswered.size > 0;
  }

  hand(ids: readonly string[]): void {
    this.queue.push(...ids);
  }
}

interface Bench {
  readonly tasks: Tasks;
  readonly batches: Handout;
  readonly workers: readonly [IdleWorker, IdleWorker];
  /** What the program started itself. */
  readonly started: string[];
  found(name: string): void;
  answered(worker: IdleWorker, answer: Pick<WorkerAnswer, "task" | "kind">): void;
}

function bench(): Bench {
  const clock = new FakeClock(1000);
  const tasks = new Tasks();
  const workers = [new IdleWorker(tasks), new IdleWorker(tasks)] as const;
  const started: string[] = [];
  let listener: PoolListener | null = null;
  const pool = {
    listen: (given: PoolListener) => listener = given,
    isFailing: false,
    open: workers,
    workers,
    left: () => Infinity,
    demand: () => {},
  };
  const starts = {
    slots: workers.length + 1,
    next: () => tasks.firstReady(clock.now()),
    countOne: () => {},
    start(task: Ready) {
      if (taskId(task) === "broken") throw new RangeError("injected");
      started.push(taskId(task));
      tasks.apply(taskId(task), { type: "claimed", handler: null });
    },
  };
  const store = {
    mayRunUnread: () => true,
    beginBatch: () => null,
    endBatch: () => {},
    finished: () => {},
    see: () => null,
  };
  const batches = new Batches({
    ...{ name: "test", executor: {} as Executor, maxAgeMs: null, ordered: false, clock, tasks },
    pool: pool as unknown as Pool,
    store: store as unknown as Store,
    starts: starts as unknown as HandoutParts["starts"],
    ends: {} as HandoutParts["ends"],
    emit: () => {},
    debug: undefined,
    wake: () => {},
  });
  return {
    tasks,
    batches,
    workers,
    started,
    found: (name) => void tasks.see({ name, priority: null, dueAt: 0 }, clock.now()),
    answered(worker, { task, kind }) {
      tasks.answered(worker, task);
      const answer = { task, kind, func: "f", tookMs: 0.1, reason: "", stderr: "" };
      listener?.answered(worker as unknown as TaskWorker, [answer]);
    },
  };
}

Deno.test("a worker is not handed a task again that it has not answered", () => {
  const { tasks, batches, workers: [slow, other], started, found, answered } = bench();
  // Quick ones first, so that batches are long.
  for (const name of ["1", "2"]) found(name);
  batches.fill();
  answered(slow, { task: "1", kind: "done" });
  answered(other, { task: "2", kind: "done" });
  for (const name of ["3", "4", "5", "6"]) found(name);
  batches.fill();
  batches.fill();
  assertEquals([slow.queue, other.queue], [["1", "3", "4"], ["2", "5", "6"]]);
  // The third takes long, and the fourth waits behind it: the other helps.
  for (const task of ["5", "6"]) answered(other, { task, kind: "done" });
  tasks.apply("4", { type: "helped", worker: other });
  answered(other, { task: "4", kind: "done" });
  // Its producer makes another of the same name.
  other.isTaken = true;
  for (const name of ["4", "7"]) found(name);
  batches.fill();
  assertEquals(started, ["4"]);
  assertEquals(slow.queue, ["1", "3", "4", "7"]);
  assertEquals([...slow.unanswered], ["3", "4", "7"]);
});

Deno.test("what was taken for a worker is handed over, though a task behind it cannot be started", () => {
  const { tasks, batches, workers: [worker], found, answered } = bench();
  found("1");
  batches.fill();
  answered(worker, { task: "1", kind: "done" });
  for (const name of ["2", "3"]) found(name);
  tasks.apply("broken", { type: "recorded", task: { name: "broken", priority: null } });
  found("broken");
  assertThrows(() => batches.fill(), RangeError, "injected");
  assertEquals(worker.queue, ["1", "2", "3"]);
  assertEquals([...worker.unanswered], ["2", "3"]);
});
