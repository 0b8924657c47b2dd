/** Task files made by hand, as any program may drop them, and a process that holds one's lock. */

import { join } from "@std/path";
import { encodePacket } from "../../src/wire/packet.ts";
import { varsOf } from "./store.ts";

export interface FileOptions {
  readonly body?: Uint8Array;
  /** Seconds since the epoch; what is long past when it is not said. */
  readonly mtime?: number;
}

/** Writes a task file; returns its path. */
export async function writeTask(
  dir: string,
  name: string,
  vars: Record<string, string>,
  { body = new Uint8Array(0), mtime = 1 }: FileOptions = {},
): Promise<string> {
  await Deno.mkdir(dir, { recursive: true });
  const path = join(dir, name);
  // A program that runs would take it between two steps: it comes whole.
  const unfinished = join(dir, `.${name}`);
  await Deno.writeFile(unfinished, new Uint8Array([...encodePacket(varsOf(vars), 17), ...body]));
  await Deno.utime(unfinished, mtime, mtime);
  await Deno.rename(unfinished, path);
  return path;
}

const LOCKER = `
import { loadLibc } from "${new URL("../../src/platform/libc.ts", import.meta.url)}";
const libc = loadLibc();
if ("unavailable" in libc) throw new Error(libc.unavailable);
const fd = libc.openFile(-100, Deno.args[0] ?? "");
if (fd < 0 || !libc.tryLock(fd)) throw new Error("cannot be locked");
console.log("locked");
await Deno.stdin.read(new Uint8Array(1));
`;

/** Another process that has the task, as one that runs it; until it is disposed of. */
export async function holdTask(path: string): Promise<AsyncDisposable> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["eval", "--quiet", "--ext=ts", LOCKER, path],
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const reader = child.stdout.getReader();
  const { done } = await reader.read();
  if (done) {
    await child.stdin.close();
    await child.status;
    throw new Error(`${path} could not be held`);
  }
  return {
    async [Symbol.asyncDispose]() {
      await child.stdin.close();
      await reader.cancel();
      await child.status;
    },
  };
}
