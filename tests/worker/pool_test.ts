/** A pool with workers that do not what they should. */

import { dirname, join } from "@std/path";
import { systemClock } from "../../src/platform/clock.ts";
import type { Event } from "../../src/report/event.ts";
import { SocketDirectory } from "../../src/worker/sockets.ts";
import { WORKER_FLAG } from "../../src/worker/flag.ts";
import { Tasks } from "../../src/queue/tasks.ts";
import { Pool } from "../../src/worker/pool.ts";
import type { WorkerCall } from "../../src/worker/worker_listener.ts";
import { assert, assertEquals, assertMatch, assertRejects } from "../support/assert.ts";
import { testWith } from "../support/require.ts";
import { writeTask } from "../support/task_files.ts";
import { tempDir } from "../support/temp.ts";

interface Bench extends AsyncDisposable {
  readonly pool: Pool;
  readonly sockets: SocketDirectory;
  readonly spool: string;
  readonly calls: WorkerCall[];
  readonly events: readonly Event[];
  until<T extends Event["type"]>(type: T): Promise<Extract<Event, { type: T }>>;
}

const main = new URL("../../main.ts", import.meta.url).pathname;

/** @param code of a JavaScript module, or of a program that is no worker at all */
async function start(
  code: string,
  given: {
    readonly isProgram?: true;
    readonly loadLimitMs?: number;
    readonly size?: number;
    readonly command?: string;
    /** Tasks that are found before the pool is started. */
    readonly waiting?: number;
    readonly idleMs?: number;
  } = {},
): Promise<Bench> {
  const temp = await tempDir();
  const module = join(temp.path, given.isProgram ? "program.ts" : "tasks.mjs");
  const spool = join(temp.path, "spool");
  await Deno.mkdir(spool);
  await Deno.writeTextFile(module, code);
  const events: Event[] = [];
  const waiting = new Set<() => void>();
  const calls: WorkerCall[] = [];
  const sockets = await SocketDirectory.make(null, systemClock, temp.path);
  const pool = new Pool({
    spool: "test",
    modules: [{ kind: "file", name: module }],
    command: {
      file: given.command ?? Deno.execPath(),
      args: [
        "run",
        "--quiet",
        "--allow-all",
        ...(given.isProgram ? [module] : [main, WORKER_FLAG]),
      ],
      cwd: temp.path,
      env: {},
    },
    setup: {
      spool,
      spools: [spool],
      options: [],
      processes: 1,
      hostname: "host",
      version: "0",
      master: Deno.pid,
      names: [],
      alone: true,
      calls: "",
    },
    sockets,
    tasks: new Tasks(),
    size: given.size ?? 1,
    harakiriMs: null,
    maxTasks: null,
    idleMs: given.idleMs ?? null,
    ...(given.loadLimitMs === undefined ? {} : { loadLimitMs: given.loadLimitMs }),
    clock: systemClock,
    emit(event) {
      events.push(event);
      for (const wake of [...waiting]) wake();
    },
    registered: () => {},
    call(call) {
      calls.push(call);
      return call.method === "log" ? Promise.resolve("fine") : Promise.reject(new Error("no\nway"));
    },
    gone: () => {},
  });
  pool.demand(given.waiting ?? 0);
  pool.start();
  return {
    pool,
    sockets,
    spool,
    calls,
    events,
    async until(type) {
      while (true) {
        const found = events.find((event) => event.type === type);
        if (found) return found as never;
        await new Promise<void>((resolve) => waiting.add(resolve));
      }
    },
    async [Symbol.asyncDispose]() {
      await pool.stop();
      await sockets[Symbol.asyncDispose]();
      await temp[Symbol.asyncDispose]();
    },
  };
}

for (
  const [name, code] of [
    ["waits without end", "await new Promise(() => {});"],
    ["loops without end", "while (true);"],
  ] as const
) {
  testWith("libc", `a module that ${name} while it loads is given up`, async () => {
    await using bench = await start(code, { loadLimitMs: 1000 });
    const { message, retryMs } = await bench.until("workers.unloadable");
    assertMatch(message, /tasks\.mjs cannot be loaded: it took more than 1 s$/);
    assertEquals(retryMs, 1000);
    assert(bench.pool.isFailing);
  });
}

testWith("libc", "a process that is no worker is given up, and its output is shown", async () => {
  await using bench = await start('console.log("who, me?"); Deno.exit(7);', { isProgram: true });
  assertEquals((await bench.until("worker.output")).line, "who, me?");
  assertMatch((await bench.until("workers.unloadable")).message, /ended with exit code 7$/);
});

for (
  const [name, code, given] of [
    ["processes that cannot be started", "", { command: "/no/such/program" }],
    ["a module that throws", "throw new Error('no');", {}],
  ] as const
) {
  testWith("libc", `${name} in a pool of three: reported once, and tried again once`, async () => {
    await using bench = await start(code, { size: 3, ...given });
    await bench.until("workers.unloadable");
    await Promise.all(bench.pool.workers.map(({ ended }) => ended));
    const told = bench.events.map(({ type }) => type).filter((type) => type !== "worker.output");
    assertEquals(told, ["workers.unloadable"]);
    assertEquals(bench.pool.workers.length, 0);
    bench.pool.reload();
    assertEquals(bench.pool.workers.length, 1);
  });
}

testWith("libc", "a worker that speaks no protocol is ended", async () => {
  await using bench = await start(
    `const conn = await Deno.connect({ transport: "unix", path: Deno.env.get("SPOOLER_SOCKET") });
    await conn.write(new TextEncoder().encode("GET / HTTP/1.1\\r\\n\\r\\n"));
    await new Promise(() => {});`,
    { isProgram: true },
  );
  const { message } = await bench.until("workers.unloadable");
  assertMatch(message, /broke the protocol: a frame of \d+ bytes with a head of \d+$/);
});

testWith(
  "libc",
  "a worker for which no socket can be made is one that cannot be loaded",
  async () => {
    await using bench = await start("export {};");
    await bench.until("workers.ready");
    const parent = dirname(bench.sockets.path);
    await Deno.rename(parent, `${parent}-away`);
    bench.pool.reload();
    const { message } = await bench.until("workers.unloadable");
    assertMatch(message, /tasks\.mjs cannot be loaded: /);
    await Deno.rename(`${parent}-away`, parent);
  },
);

testWith("libc", "tasks that wait before the start do not make a worker too many", async () => {
  await using bench = await start("export {};", { waiting: 3 });
  await bench.until("workers.ready");
  assertEquals(bench.pool.workers.length, 1);
});

testWith(
  "libc",
  "one worker loads first, then no more at a time than there are cores",
  async () => {
    const cores = navigator.hardwareConcurrency;
    const size = cores + 2;
    await using bench = await start("export {};", { size, waiting: size, idleMs: 60_000 });
    assertEquals(bench.pool.workers.length, 1);
    await bench.until("workers.ready");
    bench.pool.demand(size);
    assertEquals(bench.pool.workers.length, 1 + cores);
  },
);

testWith("libc", "a stopped pool takes nothing any more", async () => {
  await using bench = await start("export {};");
  await bench.until("workers.ready");
  await bench.pool.stop();
  assertEquals(await bench.pool.choose("any", 1), null);
  await assertRejects(
    () => bench.pool.raise(1, { limitMs: null, begun: () => {} }),
    Error,
    "the workers are stopping",
  );
});

testWith("libc", "calls are answered, and a refusal is an error of one line", async () => {
  await using bench = await start(`
    export async function asks() {
      try { await uwsgi.spool({ a: 1 }); } catch (error) { console.log("refused: " + error.message); }
    }
  `);
  await bench.until("workers.ready");
  const id = "uwsgi_spoolfile_on_test_1_1_1_1_0";
  await writeTask(bench.spool, id, { ud_spool_func: "asks" });
  const chosen = await bench.pool.choose(id, 1);
  assertEquals([chosen?.answer.kind, chosen?.answer.func], ["done", "asks"]);
  // It was chosen: the file is there, and locked, until the answer is acted on.
  assert((await Deno.stat(join(bench.spool, id))).isFile);
  chosen?.release();
  assertEquals((await bench.until("task.output")).line, "refused: no");
  assertEquals(bench.calls.map(({ method, args }) => [method, args]), [["spool", { bodySize: 0 }]]);
});

testWith("libc", "a chosen task that is not there, or not yet due, is said to be", async () => {
  await using bench = await start("export default () => {};");
  await bench.until("workers.ready");
  const later = "uwsgi_spoolfile_on_test_1_2_1_1_0";
  await writeTask(bench.spool, later, { a: "b" }, { mtime: 4_000_000_000 });
  const missing = bench.pool.choose("uwsgi_spoolfile_on_missing", 1);
  assertEquals((await missing)?.answer.kind, "gone");
  assertEquals((await bench.pool.choose(later, 1))?.answer.kind, "inspect");
});
