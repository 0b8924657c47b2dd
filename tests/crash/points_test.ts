/**
 * Every crash point: for each thing the store does, and each file operation n of it, the operation
 * fails or the program dies right before it. Then a fresh store must find every acknowledged task in
 * exactly one state, with its bytes as they were, unless it ran to completion.
 */

import { join } from "@std/path";
import { FAILED_DIR, isTaskName, type TaskRef, TMP_DIR } from "../../src/spool/layout.ts";
import {
  type Attempts,
  type Changed,
  type ClaimedTask,
  type FailedRecord,
  type Store,
} from "../../src/spool/store.ts";
import type { NewTask } from "../../src/task/new_task.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";
import { type Fault, FaultyFiles, InjectedFault } from "../support/faults.ts";
import { platform } from "../support/platform.ts";
import { testWith } from "../support/require.ts";
import { openAnew, varsOf } from "../support/store.ts";
import { tempDir } from "../support/temp.ts";

const TASK = {
  vars: varsOf({ ud_spool_func: "x", colour: "red" }),
  body: new TextEncoder().encode("the body"),
};
const PRIORITY: NewTask = { ...TASK, priority: 3 };
const ATTEMPTS: Attempts = {
  failures: 1,
  firstFailureAt: 1,
  lastFailureAt: 1,
  reason: "exit code 1",
  stderr: "oh",
};
const HOUR_MS = 3_600_000;
/** Nothing the store does takes more operations. */
const MOST_OPERATIONS = 60;

interface World {
  readonly dir: string;
  readonly clock: FakeClock;
  /** The store whose operations fail. */
  readonly store: Store;
  /** The tasks that were there before. */
  readonly tasks: readonly TaskRef[];
}

interface Scenario {
  readonly name: string;
  /** Tasks that were acknowledged before. */
  readonly before: readonly NewTask[];
  /** In which state the tasks are; each has attempts. Absent is ready, without any. */
  readonly state?: "deferred" | "due again" | "failed" | "left running";
  act(world: World, claim: () => ClaimedTask): Promise<void> | void;
  /** Its end may be that the task is gone: it had run to completion, or somebody wished it away. */
  readonly completes?: boolean;
}

const scenarios: Scenario[] = [
  { name: "put", before: [TASK], act: async ({ store }) => void await store.put(TASK) },
  {
    name: "put, the first of its priority, later",
    before: [TASK],
    act: async ({ store, clock }) => void await store.put({ ...PRIORITY, at: clock.now() }),
  },
  {
    name: "put a task with an id",
    before: [TASK],
    act: async ({ store }) => void await store.putOnce(TASK, "id-1"),
  },
  {
    name: "claim and finish",
    before: [TASK],
    completes: true,
    act: ({ store }, claim) => {
      const task = claim();
      store.begin(task);
      store.finish(task);
    },
  },
  {
    name: "finish a task that has failed before",
    before: [PRIORITY],
    state: "due again",
    completes: true,
    act: ({ store }, claim) => store.finish(claim()),
  },
  {
    name: "defer with attempts",
    before: [PRIORITY],
    act: ({ store, clock }, claim) => {
      const task = claim();
      store.begin(task);
      store.defer(task, clock.now() + 5000, ATTEMPTS);
    },
  },
  {
    name: "fail",
    before: [PRIORITY],
    state: "due again",
    act: ({ store }, claim) => {
      const task = claim();
      store.begin(task);
      store.fail(task, "exit code 65", ATTEMPTS);
    },
  },
  {
    name: "give back",
    before: [TASK],
    act: ({ store }, claim) => {
      const task = claim();
      store.begin(task);
      store.giveBack(task);
    },
  },
  {
    name: "recovery",
    before: [TASK, PRIORITY],
    act: async ({ store, dir, clock }) => {
      Deno.writeTextFileSync(join(dir, TMP_DIR, "left"), "half");
      Deno.writeTextFileSync(join(dir, ".spooler/running/uwsgi_spoolfile_on_gone"), "");
      Deno.writeTextFileSync(join(dir, ".spooler/attempts/uwsgi_spoolfile_on_gone.json"), "{}");
      Deno.mkdirSync(join(dir, ".spooler/attempts/3"), { recursive: true });
      Deno.writeTextFileSync(join(dir, ".spooler/attempts/3/uwsgi_spoolfile_on_gone.json"), "{}");
      clock.set(Date.now() + HOUR_MS);
      await store.prepare();
      store.sweep();
    },
  },
  {
    name: "take over what a program left running",
    before: [TASK, PRIORITY],
    state: "left running",
    act: ({ store }) => void [...store.scan()],
  },
  {
    name: "note a task that took the program down",
    before: [PRIORITY],
    state: "left running",
    act: ({ store }, claim) => {
      const task = claim();
      assert(task.crashed);
      store.note(task, { ...ATTEMPTS, crashes: 1 });
      store.begin(task);
      store.giveBack(task);
    },
  },
  {
    name: "retry a failed task",
    before: [PRIORITY],
    state: "failed",
    act: ({ store, tasks }) => changed(tasks, (ref) => store.retryFailed(ref)),
  },
  {
    name: "retry a deferred task",
    before: [TASK, PRIORITY],
    state: "deferred",
    act: ({ store, tasks }) => changed(tasks, (ref) => store.retryDeferred(ref)),
  },
  {
    name: "remove a task that waits",
    before: [PRIORITY],
    state: "deferred",
    completes: true,
    act: ({ store, tasks }) => changed(tasks, (ref) => store.remove(ref)),
  },
  {
    name: "remove a failed task",
    before: [PRIORITY],
    state: "failed",
    completes: true,
    act: ({ store, tasks }) => changed(tasks, (ref) => store.removeFailed(ref)),
  },
  {
    name: "remove failed tasks that are too old",
    before: [PRIORITY],
    state: "failed",
    completes: true,
    act: ({ store, clock }) => void [...store.removeFailedBefore(clock.now() + 1)],
  },
  {
    name: "pause and resume",
    before: [TASK],
    act: async ({ store }) => {
      assert(await store.pause());
      assert(await store.resume());
    },
  },
];

async function changed(
  tasks: readonly TaskRef[],
  change: (ref: TaskRef) => Promise<Changed>,
): Promise<void> {
  for (const ref of tasks) assertEquals((await change(ref)).kind, "changed");
}

/** Where the files with a task's name are, records left out: `in place` or `failed`. */
function states(dir: string): Map<string, string[]> {
  const found = new Map<string, string[]>();
  const look = (sub: string, state: string) => {
    const path = join(dir, sub);
    for (const entry of Deno.readDirSync(path)) {
      if (entry.isDirectory && /^[0-9]+$/.test(entry.name)) look(join(sub, entry.name), state);
      if (!isTaskName(entry.name) || entry.name.endsWith(".json")) continue;
      found.set(entry.name, [...found.get(entry.name) ?? [], state]);
      // Never half a task, wherever it is.
      const bytes = Deno.readFileSync(join(path, entry.name));
      assertEquals(new TextDecoder().decode(bytes.slice(-8)), "the body", entry.name);
    }
  };
  look("", "in place");
  look(FAILED_DIR, "failed");
  return found;
}

/** Runs a scenario with a fault at operation `at`; false when it has fewer operations. */
async function crashAt(scenario: Scenario, fault: Fault, at: number): Promise<boolean> {
  await using temp = await tempDir();
  const dir = join(temp.path, "spool");
  const clock = new FakeClock(Date.now());
  const good = await openAnew(dir, clock);
  const tasks: TaskRef[] = [];
  for (const task of scenario.before) {
    const ref = await good.put(task);
    tasks.push(ref);
    if (!scenario.state) continue;
    clock.set(Date.now() + 1000);
    const claimed = good.claim(ref);
    assert(claimed.kind === "claimed");
    if (scenario.state === "deferred") good.defer(claimed, clock.now() + 5000, ATTEMPTS);
    else if (scenario.state === "due again") good.defer(claimed, clock.now(), ATTEMPTS);
    else if (scenario.state === "failed") good.fail(claimed, "exit code 65", ATTEMPTS);
    else {
      good.begin(claimed);
      claimed.release();
    }
  }
  clock.set(Date.now() + 2000);

  const faulty = new FaultyFiles(fault, at + PREPARE_OPERATIONS);
  const store = await openAnew(dir, clock, faulty);
  const held: ClaimedTask[] = [];
  const claim = () => {
    const seen = [...store.scan()].flat()[0];
    assert(seen);
    const claimed = store.claim(seen);
    assert(claimed.kind === "claimed");
    held.push(claimed);
    return claimed;
  };
  const before = states(dir);
  let refused = false;
  try {
    await scenario.act({ dir, clock, store, tasks }, claim);
  } catch (error) {
    assert(error instanceof InjectedFault, String(error));
    refused = true;
  }
  // A process that died holds no lock; one that lives on lets go of it.
  for (const task of held) task.release();
  try {
    store.close();
  } catch (error) {
    assert(error instanceof InjectedFault, String(error));
  }
  if (!faulty.hit) {
    good.close();
    return false;
  }

  const after = states(dir);
  for (const { name } of tasks) {
    const where = after.get(name) ?? [];
    const ok = where.length === 1 || (where.length === 0 && scenario.completes);
    assert(ok, `${name} is in ${where.length} states: ${where}`);
    if (where[0] === "failed") await assertRecord(dir);
  }
  if (refused && fault === "fails") assert(after.size <= before.size, "refused, and yet there");
  await assertRecovers(dir, clock, fault);
  good.close();
  return true;
}

/** A task in failed/ says why it is there. */
async function assertRecord(dir: string): Promise<void> {
  const failed = join(dir, FAILED_DIR, String(PRIORITY.priority));
  for (const { name } of Deno.readDirSync(failed)) {
    if (!name.endsWith(".json")) continue;
    const record = JSON.parse(await Deno.readTextFile(join(failed, name))) as FailedRecord;
    assertEquals(record.reason, "exit code 65");
  }
}

/** A fresh store cleans up, and can run all there is to its end. */
async function assertRecovers(dir: string, clock: FakeClock, fault: Fault): Promise<void> {
  const left = () => [...Deno.readDirSync(join(dir, TMP_DIR))].map(({ name }) => name);
  if (fault === "fails") {
    assertEquals(left().filter((name) => isTaskName(name) && !name.includes(".json")), []);
  }
  clock.set(Date.now() + 2 * HOUR_MS);
  const fresh = await openAnew(dir, clock);
  fresh.sweep();
  assertEquals(left(), []);
  for (const seen of [...fresh.scan()].flat()) {
    const task = fresh.claim(seen);
    assert(task.kind === "claimed", task.kind);
    assertEquals(task.bodySize, TASK.body.length);
    fresh.finish(task);
  }
  assertEquals([...fresh.scan()].flat(), []);
  fresh.close();
  // Nothing is remembered of tasks that are gone.
  const remembered = [".spooler/attempts", ".spooler/attempts/3", ".spooler/running"]
    .map((sub) => join(dir, sub)).filter((path) => platform.claims.lstat(path) !== null)
    .flatMap((path) => [...Deno.readDirSync(path)]).filter(({ isFile }) => isFile);
  assertEquals(remembered.map(({ name }) => name), []);
}

/** Opening a store asks for each of its directories, one operation each. */
const PREPARE_OPERATIONS = await (async () => {
  await using temp = await tempDir();
  for (let at = 1;; at++) {
    (await openAnew(join(temp.path, String(at)), new FakeClock())).close();
    const files = new FaultyFiles("dies", at);
    try {
      await openAnew(join(temp.path, String(at)), new FakeClock(), files);
      return at - 1;
    } catch (error) {
      if (!(error instanceof InjectedFault)) throw error;
    }
  }
})();

testWith("libc", "a first start that dies at any operation leaves one that works", async () => {
  await using temp = await tempDir();
  for (let at = 1;; at++) {
    const dir = join(temp.path, String(at));
    const files = new FaultyFiles("dies", at);
    let made: Store | null = null;
    try {
      made = await openAnew(dir, new FakeClock(), files);
    } catch (error) {
      if (!(error instanceof InjectedFault)) throw error;
    }
    made?.close();
    const next = await openAnew(dir, new FakeClock());
    await next.put(TASK);
    next.close();
    if (made) return assert(at > 10, "each directory and its name is on disk");
  }
});

for (const scenario of scenarios) {
  for (const fault of ["dies", "fails"] as const) {
    testWith("libc", `${scenario.name}: whatever operation ${fault}, no task is lost`, async () => {
      let at = 1;
      while (await crashAt(scenario, fault, at)) {
        at++;
        assert(at < MOST_OPERATIONS);
      }
      assert(at > 1, "no operation was hit");
    });
  }
}
