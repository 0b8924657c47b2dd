/** A fate that cannot be written: whatever fails after a run, the task does not run again for it. */

import { join } from "@std/path";
import type { Answer, Executor } from "../../src/exec/executor.ts";
import { systemClock } from "../../src/platform/clock.ts";
import type { Event } from "../../src/report/event.ts";
import { Store } from "../../src/spool/store.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { newDispatcher, spoolConfig } from "../support/dispatcher.ts";
import { type Fault, FaultyFiles } from "../support/faults.ts";
import { platform } from "../support/platform.ts";
import { testWith } from "../support/require.ts";
import { varsOf } from "../support/store.ts";
import { tempDir } from "../support/temp.ts";
import { until } from "../support/until.ts";

const MAX_RETRIES = 1;
const HOUR_MS = 3_600_000;
/** With the events of their own locks these would be thousands of runs. */
const SCANS = 4;

interface Tried {
  /** Whether there is such an operation. */
  readonly hit: boolean;
  /** While its fate could not be written. */
  readonly runs: number;
  readonly fates: readonly string[];
  readonly left: readonly string[];
}

/** Runs one task; the nth file operation after its run fails, and with `dies` all that follow. */
async function tryFate(answer: Answer, fault: Fault, at: number): Promise<Tried> {
  await using temp = await tempDir();
  const files = new FaultyFiles(fault, Infinity);
  const store = await Store.open({
    dir: join(temp.path, "spool"),
    fsync: false,
    clock: systemClock,
    random: Math.random,
    ...platform,
    files,
  });
  const name = (await store.put({ vars: varsOf({ ud_spool_func: "f" }) })).name;
  let scans = 0;
  // Each scan does this, and what stands for one where nothing has happened.
  const note = store.noteDeadPrograms.bind(store);
  store.noteDeadPrograms = () => {
    scans++;
    note();
  };
  let runs = 0;
  const executor: Executor = {
    name: null,
    processes: null,
    run() {
      runs++;
      if (runs === 1) files.failAt(at);
      return Promise.resolve(answer);
    },
  };
  const events: Event[] = [];
  const retry = { delayMs: HOUR_MS, maxDelayMs: HOUR_MS, maxRetries: MAX_RETRIES };
  const dispatcher = newDispatcher({
    config: spoolConfig(store.dir, { frequencyMs: 5, retry }),
    store,
    executors: [executor],
    random: () => 0.5,
    emit: (event) => void events.push(event),
  });
  const fates = () =>
    events.flatMap((event) => event.type === "task.settled" ? [event.fate.kind] : []);
  dispatcher.watch();
  await dispatcher.start();
  try {
    await until(() => runs > 0, "it does not run");
    const from = scans;
    await until(() => scans > from + SCANS, "nothing is scanned");
    const { hit } = files;
    const runsUntilThen = runs;
    files.failAt(Infinity);
    if (answer.kind !== "retry") await until(() => fates().length > 0, "its fate is never written");
    await until(() => scans > from + 2 * SCANS, "nothing is scanned");
    const left = [...Deno.readDirSync(store.dir)].flatMap((each) => each.isFile ? [each.name] : []);
    return { hit, runs: runsUntilThen, fates: fates(), left: left.filter((each) => each === name) };
  } finally {
    await dispatcher.stop();
    store.close();
  }
}

const CASES: readonly (readonly [Answer, string, boolean])[] = [
  [{ kind: "done" }, "done", false],
  [{ kind: "permanent", reason: "never", stderr: "" }, "failed", false],
  [{ kind: "failed", reason: "no", stderr: "" }, "deferred", true],
];

for (const [answer, fate, stays] of CASES) {
  for (const fault of ["fails", "dies"] as const) {
    testWith(
      "libc",
      `a task that is ${answer.kind} runs once, whatever ${fault} after its run`,
      async () => {
        for (let at = 1;; at++) {
          const { hit, runs, fates, left } = await tryFate(answer, fault, at);
          const where = `${fault} at operation ${at}`;
          assertEquals(runs, 1, where);
          assertEquals(left.length, stays ? 1 : 0, where);
          // A failure whose time cannot be set on its file is remembered, and was not reported as settled.
          assert(fates.every((each) => each === fate), `${where}: ${fates}`);
          if (!hit) break;
        }
      },
    );
  }
}
