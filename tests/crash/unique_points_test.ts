/**
 * Every crash point of a put with a key: at each file operation it fails, or the program dies. Whoever
 * comes next, at once or behind a restart, must find one task of the key at most, none of those lost that
 * were acknowledged, and no claim in its way.
 */

import { join } from "@std/path";
import { isTaskName, refOf } from "../../src/spool/layout.ts";
import { PosixClaims } from "../../src/spool/claim.ts";
import { PrivateClaims } from "../../src/spool/private_claims.ts";
import type { ClaimedTask, Store } from "../../src/spool/store.ts";
import { readRequest } from "../../src/task/request.ts";
import type { NewTask } from "../../src/task/new_task.ts";
import { hashInName } from "../../src/task/unique.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { platform } from "../support/platform.ts";
import { FakeClock } from "../support/clock.ts";
import { type Fault, FaultyFiles, InjectedFault } from "../support/faults.ts";
import { claimNow, openAnew, openUnsynced, varsOf } from "../support/store.ts";
import { memoryDir } from "../support/temp.ts";

function task(more: Record<string, string> = {}): NewTask {
  return readRequest(varsOf({ ud_spool_func: "f", spooler_unique: "k", ...more })).task;
}

const REPLACE = { spooler_unique_mode: "replace" };

interface Scenario {
  readonly name: string;
  /** What there is before it: a task that waits, or the void claim of one that has ended. */
  readonly before: "nothing" | "waiting" | "void";
  readonly act: (store: Store, first: string) => Promise<unknown> | unknown;
  /** The first may be gone when it succeeds. */
  readonly ends?: boolean;
}

const scenarios: Scenario[] = [
  { name: "put the first", before: "nothing", act: (store) => store.put(task()) },
  {
    name: "put the first of its priority with an id",
    before: "nothing",
    act: (store) => store.putOnce(task({ priority: "3" }), "id-1"),
  },
  { name: "put another", before: "waiting", act: (store) => store.put(task()) },
  { name: "put behind a void claim", before: "void", act: (store) => store.put(task()) },
  {
    name: "replace",
    before: "waiting",
    act: (store) => store.put(task({ ...REPLACE, priority: "4" })),
    ends: true,
  },
  {
    name: "finish",
    before: "waiting",
    act: (store, first) => whileClaimed(store, first, (claimed) => store.finish(claimed)),
    ends: true,
  },
  {
    name: "give up",
    before: "waiting",
    act: (store, first) =>
      whileClaimed(store, first, (claimed) => store.fail(claimed, "exit code 65", null)),
    ends: true,
  },
  {
    name: "remove",
    before: "waiting",
    act: (store, first) => store.remove(refOf(first)),
    ends: true,
  },
];

/** Who dies holds no lock. */
function whileClaimed(store: Store, id: string, act: (task: ClaimedTask) => void): void {
  const claimed = claimNow(store, refOf(id));
  try {
    act(claimed);
  } finally {
    claimed.release();
  }
}

/** As a start of the program has them: locks of this process are no obstacle to them. */
const newClaims = () => platform.libc ? new PosixClaims(platform.libc) : new PrivateClaims();

/** Ids of the tasks of the key that wait. */
function waiting(dir: string): string[] {
  const ids: string[] = [];
  for (const sub of ["", "3", "4"]) {
    try {
      for (const { name } of Deno.readDirSync(join(dir, sub))) {
        if (isTaskName(name) && hashInName(name) !== null) ids.push(sub ? `${sub}/${name}` : name);
      }
    } catch (error) {
      assert(error instanceof Deno.errors.NotFound);
    }
  }
  return ids;
}

/** Runs a scenario with a fault at operation `at`; false when it has fewer operations. */
async function crashAt(
  { name, before, act, ends }: Scenario,
  fault: Fault,
  at: number,
  restarts: boolean,
): Promise<boolean> {
  await using temp = await memoryDir();
  const dir = join(temp.path, "spool");
  const clock = new FakeClock(Date.now());
  const open = () => openUnsynced(dir, { clock, claims: newClaims() });
  const good = await open();
  let first = "";
  if (before !== "nothing") first = (await good.put(task({ at: "0" }))).name;
  if (before === "void") Deno.removeSync(join(dir, first));

  const faulty = new FaultyFiles(fault, Infinity);
  const store = await openAnew(dir, clock, faulty);
  faulty.failAt(at);
  let acknowledged: unknown = null;
  try {
    acknowledged = await act(store, first) ?? null;
  } catch (error) {
    assert(error instanceof InjectedFault, String(error));
  }
  try {
    store.close();
  } catch (error) {
    assert(error instanceof InjectedFault, String(error));
  }
  const isOver = !faulty.hit;

  clock.set(Date.now() + 2000);
  let next = restarts ? await open() : good;
  const left = waiting(dir);
  assert(left.length <= 1, `${left.length} wait: ${left}`);
  if (before === "waiting" && !ends) assertEquals(left, [first]);
  // One that was to be replaced or its successor: that one may still be on its way, and comes with the next put.
  const put = await next.put(task());
  const now = waiting(dir);
  assertEquals(now.map((id) => refOf(id).name), [put.name]);
  if (left.length === 1 && name !== "replace") assertEquals(now, left);
  const named = (acknowledged as { name?: string } | null)?.name;
  if (named !== undefined) assertEquals(put.name, named);
  assertEquals((await next.put(task())).name, put.name);

  // It runs to its end, and nothing is left that knows of it.
  const id = now[0] as string;
  next.finish(claimNow(next, refOf(id)));
  const second = await next.put(task());
  assert(second.name !== put.name);
  next.finish(claimNow(next, second));
  if (next !== good) next.close();
  good.close();
  clock.set(Date.now() + 7_200_000);
  next = await open();
  next.sweep();
  await Array.fromAsync(next.sweepKeys());
  const places = [".spooler/unique", ".spooler/tmp"].map((sub) => join(dir, sub));
  assertEquals(places.flatMap((path) => [...Deno.readDirSync(path)].map(({ name }) => name)), []);
  assertEquals(waiting(dir), []);
  next.close();
  return !isOver;
}

/** Nothing takes more operations. */
const MOST_OPERATIONS = 60;

for (const scenario of scenarios) {
  Deno.test(`one of a key, crash points: ${scenario.name}`, async () => {
    for (const fault of ["fails", "dies"] as const) {
      for (const restarts of [false, true]) {
        let at = 1;
        while (await crashAt(scenario, fault, at, restarts)) at++;
        assert(at > 1 && at < MOST_OPERATIONS, `${at} operations`);
      }
    }
  });
}
