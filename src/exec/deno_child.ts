/** A child that Deno starts. */

import { pauseOrAbort } from "../platform/aborting.ts";
import { noteChild } from "../platform/children.ts";
import { systemClock } from "../platform/clock.ts";
import type { OutputStream } from "../report/event.ts";
import type { Child, ChildCommand, ChildEnd, ChildOutput, ChildWatcher } from "./child.ts";
import { environment } from "./environment.ts";

/** @throws {Error} when it cannot be started */
export function startByDeno(command: ChildCommand, watcher: ChildWatcher): Child {
  const { file, args, cwd, env, stdin, uid, gid } = command;
  const child = new Deno.Command(file, {
    args: [...args],
    cwd,
    ...environment(env),
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
    stdin: stdin ? "piped" : "null",
    stdout: "piped",
    stderr: "piped",
    detached: true,
  }).spawn();
  queueMicrotask(() => watcher.lasts?.());
  return new DenoChild(child, watcher, stdin);
}

class DenoChild implements Child {
  readonly pid: number;
  readonly ended: Promise<ChildEnd>;
  readonly closed: Promise<void>;
  readonly fed: Promise<void> | null;
  isClosed = false;
  readonly #stop = new AbortController();

  constructor(child: Deno.ChildProcess, output: ChildOutput, stdin: ChildCommand["stdin"]) {
    this.pid = child.pid;
    const forget = noteChild(child.pid);
    this.ended = child.status.finally(forget);
    const reading = [
      this.#read(child.stdout, "stdout", output),
      this.#read(child.stderr, "stderr", output),
    ];
    this.closed = Promise.all(reading).then(() => void (this.isClosed = true));
    this.fed = stdin ? feed(child.stdin, stdin) : null;
  }

  stopReading(): void {
    this.#stop.abort();
  }

  async #read(
    from: ReadableStream<Uint8Array>,
    stream: OutputStream,
    output: ChildOutput,
  ): Promise<void> {
    const reader = from.getReader();
    const { signal } = this.#stop;
    const cancel = () => void reader.cancel().catch(() => {});
    signal.addEventListener("abort", cancel);
    try {
      while (true) {
        const { done, value } = await reader.read();
        if (done) break;
        const pauseMs = output.take(stream, value);
        if (pauseMs > 0) await pauseOrAbort(systemClock, pauseMs, signal);
      }
    } finally {
      signal.removeEventListener("abort", cancel);
      output.end(stream);
    }
  }
}

/** A process that does not read its stdin, or not all of it, does nothing wrong. */
async function feed(
  stream: WritableStream<Uint8Array>,
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<void> {
  const writer = stream.getWriter();
  try {
    for await (const chunk of chunks) await writer.write(chunk);
    await writer.close();
  } catch {
    await writer.abort().catch(() => {});
  }
}
