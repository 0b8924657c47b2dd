/**
 * Every crash point of a start that finds a journal after a power cut: for each operation on files, and
 * each on the journal, it fails or the program dies right before it. The start behind it, on yet another
 * boot, has every task, whole and once; and what was done then never comes back.
 */

import { join } from "@std/path";
import { taskId, type TaskRef, TMP_DIR } from "../../src/spool/layout.ts";
import type { Store } from "../../src/spool/store.ts";
import { DurableCalls } from "../../src/platform/durable_calls.ts";
import { openLibrary } from "../../src/platform/linux.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { type Fault, FaultyFiles, InjectedFault } from "../support/faults.ts";
import { openJournalled } from "../support/journals.ts";
import { testWith } from "../support/require.ts";
import { claimNow, seenNames, varsOf } from "../support/store.ts";
import { tempDir } from "../support/temp.ts";

const TASK = { vars: varsOf({ ud_spool_func: "x" }), body: new TextEncoder().encode("the body") };
const EIO = 5;
const MOST_OPERATIONS = 60;

/** Calls of which the nth fails, or is the last. */
class FaultyCalls extends DurableCalls {
  fault: Fault = "fails";
  at = Infinity;
  #count = 0;

  get hit(): boolean {
    return this.#count >= this.at;
  }

  #step(call: () => number): number {
    this.#count++;
    if (this.fault === "dies" && this.#count >= this.at) throw new InjectedFault("call");
    return this.#count === this.at ? -EIO : call();
  }

  override write(fd: number, bytes: Uint8Array<ArrayBuffer>, offset: number): number {
    // It may have been half done.
    const half = bytes.subarray(0, bytes.length >> 1);
    if (this.#count + 1 === this.at) super.write(fd, half, offset);
    return this.#step(() => super.write(fd, bytes, offset));
  }

  override sync(fd: number): number {
    return this.#step(() => super.sync(fd));
  }

  override allocate(fd: number, bytes: number): number {
    return this.#step(() => super.allocate(fd, bytes));
  }

  override syncFileSystem(fd: number): number {
    return this.#step(() => super.syncFileSystem(fd));
  }
}

function faultyCalls(fault: Fault, at: number): FaultyCalls {
  const library = openLibrary((name) => new FaultyCalls(name));
  if ("unavailable" in library) throw new Error(library.unavailable);
  const calls = library.opened;
  calls.fault = fault;
  calls.at = at;
  return calls;
}

/** A spool as a cut leaves it: one task is there, one is empty, two are missing, one was done. */
async function afterCut(dir: string): Promise<TaskRef[]> {
  const { store } = await openJournalled(dir, "boot-1");
  const refs: TaskRef[] = [];
  for (let n = 0; n < 5; n++) refs.push(await store.put(n === 3 ? { ...TASK, priority: 3 } : TASK));
  store.finish(claimNow(store, refs.pop() as TaskRef));
  store.close();
  const [, empty, missing] = refs as [TaskRef, TaskRef, TaskRef];
  Deno.truncateSync(join(dir, taskId(empty)));
  Deno.removeSync(join(dir, taskId(missing)));
  Deno.removeSync(join(dir, "3"), { recursive: true });
  return refs;
}

async function checkStart(dir: string, boot: string, refs: readonly TaskRef[]): Promise<void> {
  const { store } = await openJournalled(dir, boot);
  assertEquals(seenNames(store).toSorted(), refs.map(({ name }) => name).toSorted());
  for (const ref of refs) {
    const task = claimNow(store, ref);
    assertEquals(task.bodySize, TASK.body.length);
    store.finish(task);
  }
  store.close();
}

/** Whether the fault came. */
async function crashAt(
  fault: Fault,
  options: { readonly files?: FaultyFiles; readonly calls?: FaultyCalls },
): Promise<boolean> {
  await using temp = await tempDir();
  const dir = join(temp.path, "spool");
  const refs = await afterCut(dir);
  let store: Store | null = null;
  try {
    const { calls, files } = options;
    const opened = await openJournalled(dir, "boot-2", {
      ...(calls ? { calls } : {}),
      ...(files ? { store: { files } } : {}),
    });
    store = opened.store;
    if (fault === "fails") await store.put(TASK).then((ref) => refs.push(ref));
  } catch (error) {
    assert(error instanceof InjectedFault || String(error).includes("errno 5"), String(error));
  }
  try {
    store?.close();
  } catch (error) {
    assert(error instanceof InjectedFault, String(error));
  }
  // In this process the locks of the program that died are still held: nobody closes its journal.
  if (store === null) closeJournals(dir);
  if (!(options.files ?? options.calls)?.hit) return false;
  await checkStart(dir, "boot-3", refs);
  for (const boot of ["boot-3", "boot-4"]) await checkStart(dir, boot, []);
  assertEquals([...Deno.readDirSync(join(dir, TMP_DIR))].filter(({ name }) => isOld(name)), []);
  return true;
}

/** The sweep leaves what is younger than a minute: what a killed program was making. */
const isOld = (name: string) =>
  !name.startsWith("restored_") && !name.startsWith("journal_") &&
  !name.startsWith("uwsgi_") && !name.startsWith("record_");

function closeJournals(dir: string): void {
  for (const { name } of Deno.readDirSync("/proc/self/fd")) {
    let target = "";
    try {
      target = Deno.readLinkSync(`/proc/self/fd/${name}`);
    } catch {
      continue;
    }
    if (target.startsWith(join(dir, ".spooler/journal"))) closeDescriptor(Number(name));
  }
}

const libc = Deno.build.os === "linux"
  ? openLibrary((name) => Deno.dlopen(name, { close: { parameters: ["i32"], result: "i32" } }))
  : null;

function closeDescriptor(fd: number): void {
  if (libc !== null && "opened" in libc) libc.opened.symbols.close(fd);
}

for (const fault of ["dies", "fails"] as const) {
  testWith(
    "libc",
    `restore: whatever operation on files ${fault}, the next start has all`,
    async () => {
      let at = 1;
      while (await crashAt(fault, { files: new FaultyFiles(fault, at) })) {
        assert(++at < MOST_OPERATIONS);
      }
      assert(at > 10, `${at}`);
    },
  );

  testWith(
    "libc",
    `restore: whatever call of the journal ${fault}, the next start has all`,
    async () => {
      let at = 1;
      while (await crashAt(fault, { calls: faultyCalls(fault, at) })) {
        assert(++at < MOST_OPERATIONS);
      }
      assert(at > 5, `${at}`);
    },
  );
}
