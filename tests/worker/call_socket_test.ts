/** The socket for processes that task code has forked. */

import { join } from "@std/path";
import { systemClock } from "../../src/platform/clock.ts";
import { CallSocket } from "../../src/worker/call_socket.ts";
import { encodeFrame, FrameReader } from "../../src/worker/frame.ts";
import type { WorkerCall } from "../../src/worker/worker_listener.ts";
import { assertEquals } from "../support/assert.ts";
import { tempDir } from "../support/temp.ts";

/** The other side of a connection. */
class Child implements Disposable {
  readonly #reader = new FrameReader();

  private constructor(readonly conn: Deno.Conn) {}

  static async connect(path: string): Promise<Child> {
    return new Child(await Deno.connect({ transport: "unix", path }));
  }

  async say(message: unknown, tail?: Uint8Array): Promise<void> {
    await this.conn.write(encodeFrame(message, tail));
  }

  /** The next message; null when it is hung up on. */
  async hear(): Promise<unknown> {
    const buffer = new Uint8Array(1000);
    for (let frame = this.#reader.next();; frame = this.#reader.next()) {
      if (frame !== null) return frame.head;
      const count = await this.conn.read(buffer);
      if (count === null) return null;
      this.#reader.push(buffer.subarray(0, count));
    }
  }

  [Symbol.dispose](): void {
    this.conn.close();
  }
}

interface Opened extends AsyncDisposable {
  readonly socket: CallSocket;
  readonly path: string;
}

async function open(call: (call: WorkerCall) => Promise<unknown>): Promise<Opened> {
  const temp = await tempDir();
  const path = join(temp.path, "socket");
  const socket = new CallSocket({ path, clock: systemClock, call });
  return {
    socket,
    path,
    async [Symbol.asyncDispose]() {
      await socket[Symbol.asyncDispose]();
      await temp[Symbol.asyncDispose]();
    },
  };
}

const call = (id: number, method: string) => ({ type: "call", id, method, args: { a: 1 } });

Deno.test("children call on connections of their own, as nobody's worker", async () => {
  const heard: unknown[] = [];
  await using opened = await open(({ method, args, tail, worker }) => {
    heard.push([method, args, [...tail], worker]);
    if (method === "no") return Promise.reject(new Error("not that\nnor this"));
    return Promise.resolve(`did ${method}`);
  });
  using one = await Child.connect(opened.path);
  using two = await Child.connect(opened.path);
  await two.say(call(7, "no"));
  await one.say(call(7, "spool"), Uint8Array.of(1, 2));
  await one.say(call(8, "log"));
  assertEquals(await two.hear(), { type: "reply", id: 7, error: "not that" });
  assertEquals(await one.hear(), { type: "reply", id: 7, result: "did spool" });
  assertEquals(await one.hear(), { type: "reply", id: 8, result: "did log" });
  assertEquals(heard.length, 3);
  assertEquals(heard.find((each) => Array.isArray(each) && each[0] === "spool"), [
    ...["spool", { a: 1 }, [1, 2], null],
  ]);
});

Deno.test("whoever says anything else is hung up on, and the next is served", async () => {
  await using opened = await open(() => Promise.resolve("done"));
  for (const message of [{ type: "hello", pid: 1, language: "x" }, { type: "nonsense" }]) {
    using child = await Child.connect(opened.path);
    await child.say(message);
    assertEquals(await child.hear(), null);
  }
  using broken = await Child.connect(opened.path);
  await broken.conn.write(new Uint8Array(8).fill(255));
  assertEquals(await broken.hear(), null);
  using child = await Child.connect(opened.path);
  await child.say(call(1, "spool"));
  assertEquals(await child.hear(), { type: "reply", id: 1, result: "done" });
});

Deno.test("it closes when what was asked for has been done", async () => {
  const asked = Promise.withResolvers<void>();
  const allowed = Promise.withResolvers<void>();
  let isDone = false;
  await using opened = await open(async () => {
    asked.resolve();
    await allowed.promise;
    isDone = true;
  });
  using busy = await Child.connect(opened.path);
  using idle = await Child.connect(opened.path);
  await busy.say(call(1, "spool"));
  await asked.promise;
  const closed = opened.socket[Symbol.asyncDispose]();
  assertEquals(await idle.hear(), null);
  allowed.resolve();
  await closed;
  assertEquals(isDone, true);
});
