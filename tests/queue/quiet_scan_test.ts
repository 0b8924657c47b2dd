/** Scans that are left out where nothing can have been missed, and what is checked in their place. */

import { join } from "@std/path";
import { TASK_PREFIX } from "../../src/spool/layout.ts";
import type { Store } from "../../src/spool/store.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { newDispatcher, spoolConfig, succeeding } from "../support/dispatcher.ts";
import { testWith } from "../support/require.ts";
import { openStore } from "../support/store.ts";
import { writeTask } from "../support/task_files.ts";
import { tempDir } from "../support/temp.ts";
import { until } from "../support/until.ts";

const A_MINUTE_MS = 60_000;
const TURNS = 5;

interface Scanned extends AsyncDisposable {
  readonly dir: string;
  readonly ran: string[];
  /** Scans of the whole directory, the one of the start among them. */
  scans(): number;
  /** So many there were when the last task ran. */
  scansAtRun(): number;
  /** Resolves after some more times at which a scan could have been due. */
  turns(): Promise<void>;
}

/** A dispatcher whose watcher reports nothing, on a directory that has not changed for long. */
async function scanned(isComplete: boolean, prepare: (dir: string) => Promise<void>) {
  const temp = await tempDir();
  const store: Store = await openStore(temp.path);
  await prepare(store.dir);
  age(store.dir);
  let [scans, checks, scansAtRun] = [0, 0, 0];
  const scan = store.scan.bind(store);
  store.scan = (options) => {
    scans++;
    return scan(options);
  };
  Object.defineProperty(store, "paused", { get: () => (checks++, false) });
  store.watch = () => ({ isComplete, close: () => Promise.resolve(), watchPriority: () => {} });
  const ran: string[] = [];
  const dispatcher = newDispatcher({
    config: spoolConfig(store.dir, { frequencyMs: 5 }),
    store,
    executors: [succeeding(({ task }) => {
      ran.push(task.name);
      scansAtRun = scans;
    })],
  });
  dispatcher.watch();
  await dispatcher.start();
  const turns = async () => {
    const from = checks;
    await until(() => checks > from + TURNS, "no scan is due");
  };
  const result: Scanned = {
    dir: store.dir,
    ran,
    scans: () => scans,
    scansAtRun: () => scansAtRun,
    turns,
    async [Symbol.asyncDispose]() {
      await dispatcher.stop();
      store.close();
      await temp[Symbol.asyncDispose]();
    },
  };
  return result;
}

/** So that a change of now is another time. */
function age(dir: string): void {
  const then = (Date.now() - A_MINUTE_MS) / 1000;
  Deno.utimeSync(dir, then, then);
}

const name = (which: string) => `${TASK_PREFIX}${which}`;

async function deferredTask(dir: string): Promise<void> {
  await writeTask(dir, name("later"), {});
  const then = (Date.now() + A_MINUTE_MS) / 1000;
  await Deno.utime(join(dir, name("later")), then, then);
}

testWith("libc", "a directory in which nothing happens is scanned once", async () => {
  await using spool = await scanned(true, deferredTask);
  await spool.turns();
  assertEquals(spool.scans(), 1);
});

testWith("libc", "a change that was not reported is found by the next scan", async () => {
  await using spool = await scanned(true, deferredTask);
  await spool.turns();
  await writeTask(spool.dir, name("new"), {});
  await until(() => spool.ran.length === 1, "it is not found");
  assert(spool.scans() > 1);
});

testWith("libc", "a change in the directory of a priority is found, too", async () => {
  await using spool = await scanned(true, async (dir) => {
    await writeTask(join(dir, "5"), name("first"), {});
    await Deno.rename(join(dir, "5", name("first")), join(dir, name("first")));
    age(join(dir, "5"));
  });
  await until(() => spool.ran.length === 1, "it does not run");
  age(spool.dir);
  await spool.turns();
  const before = spool.scans();
  await writeTask(join(spool.dir, "5"), name("second"), {});
  await until(() => spool.ran.length === 2, "it is not found");
  assert(spool.scans() > before);
});

testWith("libc", "a task that was not whole is tried again without a scan", async () => {
  const short = (dir: string) => join(dir, name("short"));
  await using spool = await scanned(true, (dir) => Deno.writeFile(short(dir), new Uint8Array(2)));
  await spool.turns();
  await Deno.writeFile(short(spool.dir), new Uint8Array([17, 0, 0, 0]), { create: false });
  await until(() => spool.ran.length === 1, "it does not run");
  assertEquals(spool.scansAtRun(), 1);
});

testWith("libc", "a directory that is not watched whole is scanned again and again", async () => {
  await using spool = await scanned(false, deferredTask);
  await until(() => spool.scans() > TURNS, "it is scanned no more");
});
