/**
 * Every crash point of a task with an id: at each file operation the program dies or the operation
 * fails, and then the peer, which has no answer, sends it again, to the same program or to the next.
 * The task must be there once: never lost, never twice.
 */

import { join } from "@std/path";
import { TMP_DIR } from "../../src/spool/layout.ts";
import { Store } from "../../src/spool/store.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";
import { type Fault, FaultyFiles, InjectedFault } from "../support/faults.ts";
import { platform } from "../support/platform.ts";
import { testWith } from "../support/require.ts";
import { seenNames, varsOf } from "../support/store.ts";
import { tempDir } from "../support/temp.ts";

const TASK = { vars: varsOf({ n: "1" }) };
const WINDOW_MS = 3_600_000;
const MOST_OPERATIONS = 60;

function open(dir: string, files?: FaultyFiles, fsync = true): Promise<Store> {
  return Store.open({
    ...{ dir, fsync, clock: new FakeClock(Date.now()), random: Math.random },
    dedupWindowMs: WINDOW_MS,
    ...platform,
    ...(files ? { files } : {}),
  });
}

/** Puts with a fault at operation `at`; null when there are fewer. */
async function putWithFault(
  dir: string,
  fault: Fault,
  at: number,
  fsync: boolean,
): Promise<Store | null> {
  const good = await open(dir);
  await good.putOnce(TASK, "before");
  good.close();
  const files = new FaultyFiles(fault, Infinity);
  const store = await open(dir, files, fsync);
  files.failAt(at);
  try {
    await store.putOnce(TASK, "id-1");
  } catch (error) {
    assert(error instanceof InjectedFault, String(error));
  }
  if (files.hit) return store;
  store.close();
  return null;
}

/** Runs `body` for every operation that can be hit, of a store that syncs and of one that does not. */
async function atEveryOperation(
  fault: Fault,
  body: (store: Store, dir: string) => Promise<void>,
): Promise<void> {
  for (const fsync of [true, false]) await atEachOf(fsync, fault, body);
}

async function atEachOf(
  fsync: boolean,
  fault: Fault,
  body: (store: Store, dir: string) => Promise<void>,
): Promise<void> {
  for (let at = 1; at < MOST_OPERATIONS; at++) {
    await using temp = await tempDir();
    const dir = join(temp.path, "spool");
    const store = await putWithFault(dir, fault, at, fsync);
    if (store === null) return assert(at > 5, "hardly an operation was hit");
    await body(store, dir);
  }
  throw new Error("no end of operations");
}

testWith("libc", "whatever operation the program dies at, a repetition is there once", async () => {
  await atEveryOperation("dies", async (store, dir) => {
    store.close();
    const next = await open(dir);
    await next.putOnce(TASK, "id-1");
    assertEquals(await next.putOnce(TASK, "id-1"), null);
    assertEquals(await next.putOnce(TASK, "before"), null);
    assertEquals(seenNames(next).length, 2);
    next.close();
    // And so it is for the program after that one.
    const third = await open(dir);
    assertEquals(await third.putOnce(TASK, "id-1"), null);
    assertEquals(seenNames(third).length, 2);
    third.close();
  });
});

testWith("libc", "a start that dies on the way leaves a start that works", async () => {
  for (let at = 1; at < MOST_OPERATIONS; at++) {
    await using temp = await tempDir();
    const dir = join(temp.path, "spool");
    // A program that died right before its rename: the line is there, and so is the file in tmp.
    const first = await open(dir);
    await first.putOnce(TASK, "done");
    first.close();
    Deno.writeTextFileSync(join(dir, TMP_DIR, "half"), "x");
    Deno.writeTextFileSync(join(dir, ".spooler/accepted"), "+ 9e15 id-1 half .\n+ 9e15 to", {
      append: true,
    });
    const files = new FaultyFiles("dies", at);
    try {
      await open(dir, files);
    } catch (error) {
      assert(error instanceof InjectedFault, String(error));
    }
    const next = await open(dir);
    assertEquals(await next.putOnce(TASK, "done"), null);
    assert(await next.putOnce(TASK, "id-1") !== null);
    next.close();
    if (!files.hit) return;
  }
  throw new Error("no end of operations");
});

testWith(
  "libc",
  "whatever operation fails, a repetition to the same program is there once",
  async () => {
    await atEveryOperation("fails", async (store) => {
      await store.putOnce(TASK, "id-1");
      assertEquals(seenNames(store).length, 2);
      store.close();
    });
  },
);

testWith(
  "libc",
  "whatever operation fails, a repetition to the next program is there once",
  async () => {
    await atEveryOperation("fails", async (store, dir) => {
      store.close();
      const next = await open(dir);
      await next.putOnce(TASK, "id-1");
      assertEquals(seenNames(next).length, 2);
      next.close();
    });
  },
);
