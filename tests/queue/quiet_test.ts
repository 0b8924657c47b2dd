/**
 * A task that cannot run now is left alone without noise. To let go of a file that was opened to be
 * claimed is an event for the watcher, which leads to the next look: so a look must not end in the next
 * claim, or the program spins until the task can run.
 */

import { basename, join } from "@std/path";
import { TASK_PREFIX } from "../../src/spool/layout.ts";
import type { Claim, Claims, Peek, Unclaimed } from "../../src/spool/claim.ts";
import type { Executor } from "../../src/exec/executor.ts";
import { SystemError } from "../../src/platform/libc.ts";
import type { Stat } from "../../src/platform/stat.ts";
import type { SpoolRoot } from "../../src/spool/root.ts";
import type { Event } from "../../src/report/event.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { NEVER_POLLS, startDispatcher, succeeding } from "../support/dispatcher.ts";
import { platform } from "../support/platform.ts";
import { testWith } from "../support/require.ts";
import { openStore, varsOf } from "../support/store.ts";
import { holdTask } from "../support/task_files.ts";
import { tempDir } from "../support/temp.ts";
import { until } from "../support/until.ts";

/** Claims that count the times each file was to be claimed. */
class CountedClaims implements Claims {
  readonly shared = true;

  constructor(
    private readonly claims: Claims = platform.claims,
    readonly counts = new Map<string, number>(),
  ) {}

  within(root: SpoolRoot): Claims {
    const SameClaims = this.constructor as typeof CountedClaims;
    return new SameClaims(this.claims.within(root), this.counts);
  }

  trusts(uid: number): boolean {
    return this.claims.trusts(uid);
  }

  claim(path: string, now: number): Claim | Unclaimed {
    const name = basename(path);
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
    return this.claims.claim(path, now);
  }

  peek(path: string): Peek {
    return this.claims.peek(path);
  }

  lstat(path: string): Stat | null {
    return this.claims.lstat(path);
  }
}

interface World {
  readonly dir: string;
  readonly ran: string[];
  put(func?: string): Promise<string>;
  /** Runs tasks one after the other: what an event led to before has happened after it. */
  settle(): Promise<void>;
  claimsOf(name: string): number;
}

/** More than it takes in a world where each claim leads to the next. */
const ROUNDS = 30;
const EMFILE = 24;
/** One when it is seen, one for the event of letting go, one to spare. */
const MOST_CLAIMS = 3;

async function inWorld(
  prepare: (dir: string) => Promise<void> | void,
  act: (world: World) => Promise<void>,
  executors: readonly Executor[] = [],
): Promise<void> {
  await using temp = await tempDir();
  const dir = join(temp.path, "spool");
  const store = await openStore(dir);
  await prepare(dir);
  const ran: string[] = [];
  const claims = new CountedClaims();
  const all = [...executors, succeeding(({ task }) => void ran.push(task.name))];
  const dispatcher = await startDispatcher(dir, all, NEVER_POLLS, () => {}, claims);
  const put = async (func = "any") =>
    (await store.put({ vars: varsOf({ ud_spool_func: func }) })).name;
  try {
    await act({
      dir,
      ran,
      put,
      async settle() {
        for (let round = 0; round < ROUNDS; round++) {
          const name = await put();
          await until(() => ran.includes(name), "a task does not run");
        }
      },
      claimsOf: (name) => claims.counts.get(name) ?? 0,
    });
  } finally {
    await dispatcher.stop();
  }
}

testWith(
  "libc",
  "a task that another process has is left alone, and runs when it is free",
  async () => {
    const name = `${TASK_PREFIX}held`;
    await using other = await tempDir();
    await inWorld(async (dir) => {
      const store = await openStore(join(other.path, "spool"));
      const ref = await store.put({ vars: [] });
      await Deno.rename(store.pathOf(ref), join(dir, name));
    }, async ({ dir, ran, settle, claimsOf }) => {
      await until(() => ran.includes(name), "it does not run");
      assertEquals(claimsOf(name), 1);
      // The same again, with a name that is taken before the dispatcher gets it.
      const store = await openStore(join(other.path, "spool"));
      const ref = await store.put({ vars: [] });
      const holder = await holdTask(store.pathOf(ref));
      await Deno.rename(store.pathOf(ref), join(dir, ref.name));
      await settle();
      const claims = claimsOf(ref.name);
      assert(claims >= 1 && claims <= MOST_CLAIMS, `${claims} claims`);
      await holder[Symbol.asyncDispose]();
      await until(() => ran.includes(ref.name), "it does not run when it is free");
    });
  },
);

testWith(
  "libc",
  "a file that may be half-written is left alone, and runs when it is whole",
  async () => {
    const name = `${TASK_PREFIX}short`;
    const whole = Uint8Array.of(17, 0, 0, 0);
    await inWorld((dir) => Deno.writeFile(join(dir, name), whole.subarray(0, 2)), async (world) => {
      await world.settle();
      const claims = world.claimsOf(name);
      assert(claims >= 1 && claims <= MOST_CLAIMS, `${claims} claims`);
      await Deno.writeFile(join(world.dir, name), whole);
      await until(() => world.ran.includes(name), "it does not run when it is whole");
    });
  },
);

testWith(
  "libc",
  "a task that waits for its handler's limit is claimed once before its turn",
  async () => {
    const gate = Promise.withResolvers<void>();
    const limited: Executor = {
      ...succeeding(() => gate.promise),
      name: "limited",
      processes: 1,
    };
    await inWorld(() => {}, async ({ put, settle, claimsOf, dir }) => {
      const names = [await put("limited"), await put("limited"), await put("limited")];
      await settle();
      const claims = names.map(claimsOf).toSorted();
      assertEquals(claims, [1, 1, 1]);
      gate.resolve();
      const store = await openStore(dir);
      await until(() => [...store.scan()].flat().length === 0, "they do not run");
    }, [limited]);
  },
);

testWith(
  "libc",
  "without a free descriptor a task is left alone, reported once, and tried again",
  async () => {
    await using temp = await tempDir();
    const dir = join(temp.path, "spool");
    const store = await openStore(dir);
    const { name } = await store.put({ vars: [] });
    class ScarceClaims extends CountedClaims {
      override claim(path: string, now: number): Claim | Unclaimed {
        const claim = () => super.claim(path, now);
        if (basename(path) !== name || (this.counts.get(name) ?? 0) >= 3) return claim();
        this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
        throw new SystemError("open", path, EMFILE);
      }
    }
    const events: Event[] = [];
    const dispatcher = await startDispatcher(
      dir,
      [succeeding(() => {})],
      { frequencyMs: 20 },
      (event) => void events.push(event),
      new ScarceClaims(),
    );
    try {
      await until(() => events.some(({ type }) => type === "task.settled"), "it is never run");
    } finally {
      await dispatcher.stop();
    }
    const warnings = events.filter(({ type }) => type === "spool.warning");
    assertEquals(warnings.length, 1);
  },
);
