/** What comes in many at a time: by the journal, without fsync, and whatever fails on the way. */

import { join } from "@std/path";
import { type Files, systemFiles } from "../../src/spool/files.ts";
import { SpoolFullError } from "../../src/spool/room.ts";
import { taskId, type TaskRef, TMP_DIR } from "../../src/spool/layout.ts";
import type { Store } from "../../src/spool/store.ts";
import { SpoolInbox } from "../../src/spool/spool_inbox.ts";
import { type Clock, systemClock } from "../../src/platform/clock.ts";
import type { NewTask } from "../../src/task/new_task.ts";
import { encodePacket, MODIFIER_SPOOL } from "../../src/wire/packet.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";
import { type Fault, FaultyFiles, SlowFiles } from "../support/faults.ts";
import { openJournalled } from "../support/journals.ts";
import { platform } from "../support/platform.ts";
import { testWith } from "../support/require.ts";
import { openAnew, varsOf } from "../support/store.ts";
import { tempDir } from "../support/temp.ts";
import { until } from "../support/until.ts";

const TASK: NewTask = { vars: varsOf({ ud_spool_func: "x", colour: "red" }) };
const BODY: NewTask = { ...TASK, body: new TextEncoder().encode("the body") };
const WINDOW_MS = 3_600_000;
const NO_LIMITS = { maxFiles: null, minFreeBytes: null };
/** Nothing takes more operations. */
const MOST_OPERATIONS = 40;

type End = TaskRef | "repeated" | Error;

interface World extends AsyncDisposable {
  readonly dir: string;
  readonly inbox: SpoolInbox;
  readonly store: Store;
  readonly gone: string[];
  /** Puts a task; what became of it is known in time, and `ended` is called then. */
  put(task: NewTask, id?: string, ended?: () => void): { end: End | null };
  names(): string[];
  /** A reload: from now on tasks go into no journal. */
  loseJournal(): void;
}

async function openWorld(
  fsync: boolean,
  files?: Files,
  clock: Clock = systemClock,
): Promise<World> {
  const temp = await tempDir();
  const dir = join(temp.path, "spool");
  const { store } = await openJournalled(dir, "boot-1");
  const gone: string[] = [];
  const settings = {
    ...{ fsync, limits: NO_LIMITS, dedupWindowMs: WINDOW_MS },
    journal: fsync ? store.openJournal() : null,
  };
  const inbox = new SpoolInbox({
    ...{ dir, platform, clock, random: Math.random, mark: 1000 },
    settings,
    gone: (id) => gone.push(id),
    ...(files ? { files } : {}),
  });
  return {
    ...{ dir, inbox, store, gone },
    put(task, id, ended = () => {}) {
      const put: { end: End | null } = { end: null };
      const end = (how: End) => {
        put.end = how;
        ended();
      };
      inbox.put(task, id === undefined ? null : { id, sender: "me" }, {
        accepted: end,
        stoodFor: (by) => end(by),
        repeated: () => end("repeated"),
        failed: (error) => end(error as Error),
      });
      return put;
    },
    loseJournal: () => inbox.use({ ...settings, journal: null }),
    names: () =>
      [...Deno.readDirSync(dir)].flatMap(({ name }) => name.startsWith("uwsgi_") ? [name] : []),
    async [Symbol.asyncDispose]() {
      inbox.close();
      store.close();
      await temp[Symbol.asyncDispose]();
    },
  };
}

testWith(
  "libc",
  "with a journal tasks are accepted at the end of a round, and have no names before",
  async () => {
    await using world = await openWorld(true);
    const puts = [world.put(TASK), world.put({ ...BODY, priority: 3 }), world.put(TASK, "id-1")];
    assertEquals(puts.map(({ end }) => end), [null, null, null]);
    assertEquals(world.names(), []);
    world.inbox.commit();
    for (const { end } of puts) {
      assert(end !== null && typeof end === "object" && "name" in end && !(end instanceof Error));
      assert(Deno.statSync(join(world.dir, taskId(end))).isFile);
    }
    assertEquals([...Deno.readDirSync(join(world.dir, TMP_DIR))], []);
  },
);

testWith("libc", "without fsync a task is accepted at once", async () => {
  await using world = await openWorld(false);
  const { end } = world.put(TASK);
  assert(end !== null && typeof end === "object" && "name" in end);
  assertEquals(world.names().length, 1);
});

for (const fsync of [true, false]) {
  testWith(
    "libc",
    `what came as a file has them is written as it came, with an id and without, fsync ${fsync}`,
    async () => {
      await using world = await openWorld(fsync);
      const expected: Uint8Array[] = [];
      const puts = [undefined, "id-1", undefined].map((id, n) => {
        const vars = varsOf({ ud_spool_func: "x", number: String(n) });
        const file = encodePacket(vars, MODIFIER_SPOOL);
        expected.push(file.slice());
        // Once it is known what became of it, others use the memory.
        return world.put({ vars, file }, id, () => file.fill(0));
      });
      world.inbox.commit();
      const written = puts.map(({ end }) => {
        assert(end !== null && typeof end === "object" && "name" in end);
        return Deno.readFileSync(join(world.dir, taskId(end as TaskRef)));
      });
      assertEquals(written, expected);
    },
  );

  testWith(
    "libc",
    `an id is accepted once, in one round and over rounds, fsync ${fsync}`,
    async () => {
      await using world = await openWorld(fsync);
      const [first, again, other] = [
        world.put(TASK, "id-1"),
        world.put(TASK, "id-1"),
        world.put(BODY, "id-1"),
      ];
      world.inbox.commit();
      assert(first.end !== null && typeof first.end === "object" && "name" in first.end);
      assertEquals(again.end, "repeated");
      assertStringIncludes(String(other.end), "belongs to another task");
      assertEquals(world.put(TASK, "id-1").end, "repeated");
      assertEquals(world.names().length, 1);
    },
  );
}

testWith(
  "libc",
  "what comes because of an answer is accepted by the next commit, each id once",
  async () => {
    await using world = await openWorld(true);
    const next: { end: End | null }[] = [];
    const put = (id: string) => void next.push(world.put(TASK, id));
    const puts = [
      // Its answer brings a task of its own, one of the next that is pending, and one of both again.
      world.put(TASK, "id-1", () => ["id-3", "id-2", "id-1"].forEach(put)),
      world.put(TASK, "id-2", () => put("id-3")),
    ];
    assertEquals([world.inbox.commit(), next.length], [true, 4]);
    assertEquals([world.inbox.commit(), world.inbox.commit()], [true, false]);
    const ends = [...puts, ...next].map(({ end }) => end);
    assertEquals(ends.map((end) => end === "repeated" ? end : end === null ? end : "accepted"), [
      "accepted",
      "accepted",
      "accepted",
      "repeated",
      "repeated",
      "repeated",
    ]);
    assertEquals(world.names().length, 3);
  },
);

testWith(
  "libc",
  "a reload in the middle of a round leaves what was put to the journal of before",
  async () => {
    await using world = await openWorld(true);
    const puts = [world.put(TASK), world.put(BODY)];
    world.loseJournal();
    const names = world.names();
    assertEquals(puts.map(({ end }) => end instanceof Error || end === null), [false, false]);
    assertEquals(names.length, 2);
    // A power cut takes the files, which nobody has synced.
    for (const name of names) Deno.removeSync(join(world.dir, name));
    world.inbox.close();
    world.store.close();
    const { store } = await openJournalled(world.dir, "boot-2");
    assertEquals(world.names().sort(), names.sort());
    store.close();
  },
);

testWith("libc", "once a spool is known to be full, what comes is refused at once", async () => {
  // To count takes some of its time; then nothing is counted for twenty times as long.
  let ms = 0;
  const clock: Clock = { ...systemClock, monotonic: () => ++ms };
  await using world = await openWorld(false, undefined, clock);
  const limits = { maxFiles: 2, minFreeBytes: null };
  world.inbox.use({ ...{ fsync: false, dedupWindowMs: WINDOW_MS, limits }, journal: null });
  const puts = [world.put(TASK, "id-1"), world.put(TASK), world.put(TASK)];
  await until(() => puts.every(({ end }) => end !== null), "the spool is counted");
  let end: End | null = null;
  // The first that come have it counted.
  await until(() => (end = world.put(TASK, "id-2").end) !== null, "one is refused at once");
  assert((end as unknown) instanceof SpoolFullError);
  assertEquals(String(end), "SpoolFullError: it holds 2 tasks (spooler-max-files)");
  // Who only asks again needs no room.
  const again = world.put(TASK, "id-1");
  await until(() => again.end !== null, "it is answered");
  assertEquals(again.end, "repeated");
});

testWith("libc", "a body is synced while it comes, not all of it at its end", async () => {
  const syncs: string[] = [];
  const files: Files = {
    ...systemFiles,
    async open(path, options) {
      const file = await systemFiles.open(path, options);
      const sync = file.sync.bind(file);
      file.sync = () => {
        syncs.push(path);
        return sync();
      };
      return file;
    },
  };
  await using world = await openWorld(true, files);
  const seen: number[] = [];
  async function* body() {
    for (let n = 0; n < 7; n++) {
      yield new Uint8Array(2 ** 19);
      seen.push(syncs.length);
    }
  }
  const put = world.put({ ...TASK, body: body(), bodySize: 7 * 2 ** 19 });
  await until(() => put.end !== null, "it is accepted");
  assert(put.end !== null && typeof put.end === "object" && "name" in put.end);
  assertEquals(seen, [0, 1, 1, 2, 2, 3, 3]);
  assertEquals(syncs.filter((path) => path.includes(TMP_DIR)).length, 4);
});

testWith("libc", "a slow disk is busy from the end of the slow call on", async () => {
  const clock = new FakeClock();
  const slow = new SlowFiles(clock);
  await using world = await openWorld(true, slow.files, clock);
  for (const [taskMs, restMs] of [[200, 0], [5000, 999], [1, 1], [1, 0]] as const) {
    slow.tookMs = taskMs;
    const put = world.put(TASK);
    world.inbox.commit();
    await until(() => put.end !== null, "it has come to an end");
    clock.advance(restMs);
  }
  assertEquals(slow.ways, ["at once", "at once", "by threads", "at once"]);
});

for (const fsync of [true, false]) {
  for (const fault of ["fails", "dies"] satisfies Fault[]) {
    testWith(
      "libc",
      `every operation ${fault}, fsync ${fsync}: what is acknowledged is there, and nothing else is known`,
      async () => {
        for (let at = 1; at < MOST_OPERATIONS; at++) {
          const files = new FaultyFiles(fault, Infinity);
          await using world = await openWorld(fsync, files);
          files.failAt(at);
          const put = world.put(TASK, "id-1");
          world.inbox.commit();
          await until(() => put.end !== null, "it has come to an end");
          const isAccepted = !(put.end instanceof Error) && put.end !== "repeated";
          const wasHit = files.hit;
          if (isAccepted) assertEquals(world.names().length, 1, `${at}`);
          else if (fault === "fails") assertEquals(world.names(), [], `${at}`);
          if (fault === "fails" && wasHit) {
            assertEquals([...Deno.readDirSync(join(world.dir, TMP_DIR))], [], `${at}`);
          }
          world.inbox.close();
          if (isAccepted) {
            using next = await reopened(world.dir);
            assertEquals(next.store.dir, world.dir);
            assertEquals(await next.repeats(TASK, "id-1"), true, `${at}: its id is known`);
          }
          if (!wasHit) return;
        }
        throw new Error("there are more operations");
      },
    );
  }
}

for (const fsync of [true, false]) {
  for (const hasNameless of [true, false]) {
    for (const fault of ["fails", "dies"] satisfies Fault[]) {
      testWith(
        "libc",
        `without an id, every operation ${fault}, fsync ${fsync}, ${
          hasNameless ? "files without a name" : "by tmp"
        }: what is acknowledged is there, and nothing else`,
        async () => {
          for (let at = 1; at < MOST_OPERATIONS; at++) {
            const files = new FaultyFiles(fault, Infinity);
            files.hasNameless = hasNameless;
            await using world = await openWorld(fsync, files);
            files.failAt(at);
            const put = world.put({ ...TASK, priority: 3 });
            world.inbox.commit();
            await until(() => put.end !== null, "it has come to an end");
            const path = join(world.dir, "3");
            const names = () => namesIn(path);
            const isAccepted = !(put.end instanceof Error);
            const wasHit = files.hit;
            assertEquals(names().length, isAccepted ? 1 : 0, `${at}`);
            // The journal has it, and the main thread marks it.
            assertEquals(world.gone.length, fsync && !isAccepted ? 1 : 0, `${at}`);
            const left = namesIn(join(world.dir, TMP_DIR));
            if (fault === "fails" || hasNameless) assertEquals(left, [], `${at}`);
            world.inbox.close();
            world.store.close();
            if (isAccepted && fsync) Deno.removeSync(path, { recursive: true });
            const { store } = await openJournalled(world.dir, fsync ? "boot-2" : "boot-1");
            if (isAccepted) assertEquals(names().length, 1, `${at}`);
            else if (!fsync) assertEquals(names(), [], `${at}`);
            store.close();
            if (!wasHit) return;
          }
          throw new Error("there are more operations");
        },
      );
    }
  }
}

testWith("libc", "a disk that is full is asked before a task is in the journal", async () => {
  const clock = new FakeClock();
  let isFull = true;
  let count = 0;
  const files: Files = {
    ...systemFiles,
    createWholeSync(...args) {
      if (isFull) throw new Error("no space left");
      systemFiles.createSync(...args);
      return true;
    },
    createSync(...args) {
      count++;
      if (isFull) throw new Error("no space left");
      systemFiles.createSync(...args);
    },
  };
  await using world = await openWorld(true, files, clock);
  const ends = () => {
    const puts = [world.put(TASK), world.put(BODY)];
    world.inbox.commit();
    return puts.map(({ end }) => end instanceof Error ? end.message : end === null ? end : "in");
  };
  // What was in the journal is marked as gone; what comes next is not in it.
  assertEquals(ends(), ["no space left", "no space left"]);
  assertEquals([world.gone.length, count], [2, 0]);
  assertEquals(ends(), ["no space left", "no space left"]);
  assertEquals([world.gone.length, count], [2, 2]);
  isFull = false;
  assertEquals(ends(), ["in", "in"]);
  clock.advance(1000);
  assertEquals(ends(), ["in", "in"]);
  assertEquals([world.names().length, count], [4, 4]);
});

testWith(
  "libc",
  "of a batch each task has its own bytes, what its answers bring, too",
  async () => {
    await using world = await openWorld(true);
    const task = (n: number): NewTask => ({
      vars: varsOf({ n: String(n) }),
      body: new Uint8Array(20_000).fill(n),
    });
    let next = 0;
    const puts: { end: End | null }[] = [];
    const put = (): void => {
      const n = next++;
      if (n < 60) puts.push(world.put(task(n), undefined, put));
    };
    for (let n = 0; n < 15; n++) put();
    // What the journal has no room for goes its way by itself.
    await until(() => {
      world.inbox.commit();
      return puts.length === 60 && puts.every(({ end }) => end !== null);
    }, "all are accepted");
    for (const [n, { end }] of puts.entries()) {
      const expected = encodePacket(task(n).vars, MODIFIER_SPOOL);
      const bytes = Deno.readFileSync(join(world.dir, taskId(end as TaskRef)));
      assertEquals(bytes.subarray(0, expected.length), expected);
      assertEquals(bytes.length, expected.length + 20_000);
      assert(bytes.subarray(expected.length).every((byte) => byte === n), `${n}`);
    }
  },
);

function namesIn(dir: string): string[] {
  try {
    return [...Deno.readDirSync(dir)].map(({ name }) => name);
  } catch {
    return [];
  }
}

/** The next start of the program. */
async function reopened(dir: string) {
  const store = await openAnew(dir);
  return {
    store,
    repeats: async (task: NewTask, id: string) => await store.putOnce(task, id, "me") === null,
    [Symbol.dispose]: () => store.close(),
  };
}
