/**
 * The table of tasks against a model: whatever happens in whatever order, each task is in one state, the
 * counts are right, nothing is forgotten and nothing is started twice.
 */

import fc from "fast-check";
import type { Executor } from "../../src/exec/executor.ts";
import { ImpossibleStateError } from "../../src/platform/unexpected.ts";
import { refOf, taskId } from "../../src/spool/layout.ts";
import { GONE, type TaskEvent, TOUCHED } from "../../src/queue/task_event.ts";
import type { Route, StateKind, TaskHolder, TaskState } from "../../src/queue/task_state.ts";
import type { RunLimit, TaskShare } from "../../src/queue/task_limits.ts";
import { Tasks } from "../../src/queue/tasks.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";

const IDS = ["a", "b", "c", "7/a", "10/d", "e"];
const WORKERS: readonly TaskHolder[] = [{ worker: 1 }, { worker: 2 }, { worker: 3 }];
const KINDS = [
  ...["recorded", "ready", "deferred", "postponed", "limited", "held"],
  ...["unusable", "running", "handed", "settling", "stuck"],
] as StateKind[];

function handler(processes: number): Executor {
  return { name: null, processes, run: () => Promise.resolve({ kind: "done" }) };
}
const VERDICT = {
  fate: { kind: "done" },
  attempts: null,
  func: "f",
  tookMs: 1,
  attempt: 1,
  waitMs: 0,
} as const;
const LIMIT: RunLimit = { id: "l", text: "l", processes: 1 };
const SHARES: readonly TaskShare[] = [
  { key: "a", limits: [] },
  { key: "b", limits: [LIMIT] },
  { key: "c", limits: [LIMIT] },
];
const LIMITED = [handler(1), handler(2)];

/** From which states an event is possible; "unknown" is a task that the table does not have. */
const POSSIBLE: Record<TaskEvent["type"], readonly (StateKind | "unknown")[]> = {
  recorded: ["unknown"],
  seen: ["unknown", ...KINDS],
  due: ["deferred", "postponed"],
  "crowded out": ["ready", "deferred", "postponed"],
  claimed: ["ready", "handed"],
  limited: ["ready"],
  sorted: ["ready"],
  admitted: ["limited"],
  busy: ["ready", "handed"],
  unusable: ["ready", "running", "handed"],
  gone: KINDS.filter((kind) => kind !== "settling"),
  handed: ["ready"],
  helped: ["handed"],
  "let go": ["handed"],
  returned: ["handed"],
  touched: ["running", "handed", "settling"],
  settled: ["running", "handed", "settling", "stuck"],
  "given up": ["ready", "running", "handed", "stuck"],
  postponed: ["ready", "running", "handed"],
  stuck: ["running", "handed"],
};

/** What comes out when its time has come. */
const WAITING: readonly StateKind[] = ["ready", "deferred", "postponed"];

/** Starting: from here on nobody else may start the task. */
const STARTED: readonly (StateKind | "unknown")[] = ["running", "handed", "settling", "stuck"];

const TYPES = Object.keys(POSSIBLE) as TaskEvent["type"][];

const anyTime = fc.integer({ min: 0, max: 20 });
const anyChance = fc.record({
  id: fc.constantFrom(...IDS),
  // What begins a task's life more often than the rest.
  type: fc.constantFrom(...TYPES, "seen", "seen", "seen", "handed", "handed"),
  dueAt: anyTime,
  now: anyTime,
  isGone: fc.boolean(),
  worker: fc.constantFrom(...WORKERS),
  handler: fc.constantFrom(...LIMITED),
  isLimited: fc.boolean(),
  route: fc.constantFrom<Route>("workers", "program", LIMITED[0] as Executor),
});

type Chance = typeof anyChance extends fc.Arbitrary<infer T> ? T : never;

function eventOf({ id, type, dueAt, now, isGone, worker, ...chance }: Chance): TaskEvent {
  const { handler, isLimited, route } = chance;
  const task = { ...refOf(id), dueAt };
  switch (type) {
    case "seen":
      return { type, task, now };
    case "recorded":
      return { type, task };
    case "claimed":
      return { type, handler: isLimited ? handler : null, limits: isLimited ? [LIMIT] : [] };
    case "limited":
      return { type, handler };
    case "sorted":
      return { type, share: SHARES[now % SHARES.length] as TaskShare };
    case "unusable":
      return { type, reason: "r", stamp: null };
    case "handed":
      return { type, batch: { workers: [worker], note: null, left: 0 } };
    case "helped":
    case "let go":
      return { type, worker };
    case "returned":
      return { type, route };
    case "postponed":
      return { type, task, dueAt: now, route };
    case "stuck":
      return { type, verdict: VERDICT, file: null };
    case "settled":
      return { type, task: isGone ? null : task, route, now };
    default:
      return { type };
  }
}

/** Whether an event of that type is possible as it is. */
function isPossible(state: TaskState | undefined, event: TaskEvent): boolean {
  if (!POSSIBLE[event.type].includes(state?.kind ?? "unknown")) return false;
  if (state?.kind !== "handed") return true;
  if (event.type === "helped") return !state.workers.includes(event.worker);
  return event.type !== "let go" ||
    state.workers.length > 1 && state.workers.includes(event.worker);
}

function check(tasks: Tasks, known: ReadonlyMap<string, StateKind>): void {
  assertEquals(tasks.size, known.size);
  for (const kind of KINDS) {
    const expected = [...known.values()].filter((each) => each === kind).length;
    assertEquals(tasks.count(kind), expected, `count of ${kind}`);
  }
  const states = [...known.keys()].map((id) => [id, tasks.get(id) as TaskState] as const);
  for (const [id, state] of states) {
    assertEquals(state.kind, known.get(id));
    assertEquals([state.name, state.priority], [refOf(id).name, refOf(id).priority]);
    if (state.kind !== "handed") continue;
    for (const worker of state.workers) assert(tasks.unanswered(worker).has(id));
  }
  for (const limited of LIMITED) {
    const of = (kind: StateKind) =>
      states.filter(([, state]) =>
        state.kind === kind && "handler" in state && state.handler === limited
      ).map(([id]) => id);
    assertEquals(tasks.runsOf(limited), of("running").length);
    const first = tasks.firstLimited(limited);
    assert(first === undefined ? of("limited").length === 0 : of("limited").includes(first));
  }
  const alone = states.filter(([, { kind }]) => kind === "held" || kind === "unusable");
  const stuck = states.filter(([, { kind }]) => kind === "stuck");
  assertEquals(new Set(tasks.stuck()), new Set(stuck.map(([, state]) => state)));
  assertEquals(new Set(tasks.leftAlone()), new Set(alone.map(([, state]) => state)));
  assertEquals(tasks.busyWorkers, WORKERS.filter((each) => tasks.unanswered(each).size > 0).length);
}

/** Everything that waits comes out, once each, when its time has come. */
function checkNothingIsForgotten(tasks: Tasks, known: ReadonlyMap<string, StateKind>): void {
  const waiting = [...known].filter(([, kind]) => WAITING.includes(kind));
  const out: string[] = [];
  tasks.wake(100);
  for (let task = tasks.firstUnsorted(); task; task = tasks.firstUnsorted()) {
    tasks.sort(taskId(task), { key: "d", limits: [] });
  }
  // Those of a limit wait for what runs.
  for (const [id, kind] of known) if (kind === "running") tasks.apply(id, GONE);
  for (let task = tasks.firstReady(100); task; task = tasks.firstReady(100)) {
    const id = task.priority === null ? task.name : `${task.priority}/${task.name}`;
    out.push(id);
    tasks.apply(id, { type: "claimed", handler: null });
  }
  assertEquals(out.toSorted(), waiting.map(([id]) => id).toSorted());
}

Deno.test("whatever happens, each task is in one state, counted, not forgotten and not started twice", () => {
  fc.assert(
    fc.property(fc.array(anyChance, { maxLength: 60 }), fc.boolean(), (chances, hasShares) => {
      const changes: string[] = [];
      const tasks = new Tasks(Infinity, (id) => changes.push(id), hasShares);
      const known = new Map<string, StateKind>();
      for (const chance of chances) {
        const { id } = chance;
        const event = eventOf(chance);
        const before = tasks.get(id);
        if (!isPossible(before, event)) {
          assertThrows(() => tasks.apply(id, event), ImpossibleStateError, "cannot be");
          assert(tasks.get(id) === before, "a wrong transition changed something");
          continue;
        }
        const told = changes.length;
        tasks.apply(id, event);
        const after = tasks.get(id);
        // What is observed is what has changed.
        assertEquals(changes.length - told, before === after ? 0 : 1);
        if (event.type === "claimed" && before?.kind !== "handed" || event.type === "handed") {
          assert(!STARTED.includes(before?.kind ?? "unknown"), `${id} was started twice`);
        }
        if (after === undefined) known.delete(id);
        else known.set(id, after.kind);
        check(tasks, known);
      }
      checkNothingIsForgotten(tasks, known);
    }),
    { numRuns: 2000 },
  );
});

Deno.test("a record of failures outlives the want of room, and keeps a task from workers", () => {
  const tasks = new Tasks(1);
  tasks.apply("a", { type: "recorded", task: refOf("a") });
  for (const [name, dueAt] of [["a", 300], ["b", 200], ["c", 250]] as const) {
    tasks.see({ name, priority: null, dueAt }, 100);
  }
  assertEquals([tasks.get("a")?.kind, tasks.get("b")?.kind], ["recorded", "deferred"]);
  tasks.forgetHorizon();
  tasks.see({ name: "a", priority: null, dueAt: 300 }, 300);
  const state = tasks.get("a");
  assert(state?.kind === "ready");
  assertEquals(state.route, "program");
});

Deno.test("of a worker's batch the end is known when its last task is settled or returned", () => {
  const tasks = new Tasks();
  const note = { path: "", firstRecord: 4, length: 10 };
  const [worker, helper] = WORKERS as [TaskHolder, TaskHolder];
  const batch = { workers: [worker], note, left: 0 };
  for (const name of ["a", "b"]) {
    tasks.see({ name, priority: null, dueAt: 0 }, 1);
    tasks.apply(name, { type: "handed", batch });
  }
  tasks.apply("b", { type: "helped", worker: helper });
  tasks.apply("b", TOUCHED);
  tasks.answered(worker, "a");
  tasks.apply("a", GONE);
  assertEquals(tasks.takeEndedNotes(), []);
  assertEquals([...tasks.unanswered(worker)], ["b"]);
  tasks.apply("b", { type: "returned", route: "program" });
  assertEquals(tasks.takeEndedNotes(), [note]);
  assertEquals(tasks.takeEndedNotes(), []);
  // The helper still has its name, and will say that somebody else did it.
  assertEquals([...tasks.unanswered(helper)], ["b"]);
  tasks.answered(helper, "b");
  assertEquals(tasks.busyWorkers, 1);
});
