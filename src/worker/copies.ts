/**
 * Copies of tasks for a worker that runs as another user, which may not touch the spool: the program
 * holds the lock of the task, decides its fate, and removes the copy (docs/decisions.md).
 */

import { dirname, join } from "@std/path";
import { PASSABLE } from "../platform/unix_socket.ts";
import { taskId } from "../spool/layout.ts";
import type { ClaimedTask } from "../spool/store.ts";
import { encodePacket, MODIFIER_SPOOL } from "../wire/packet.ts";

const PIECE = 64 * 1024;
const MODE = 0o600;

export class TaskCopies {
  /** @param owner of the worker */
  constructor(readonly dir: string, private readonly owner: number) {
    this.#makeDirectory(dir);
  }

  #makeDirectory(path: string): void {
    try {
      Deno.mkdirSync(path);
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    }
    Deno.chmodSync(path, PASSABLE);
  }

  /**
   * @returns what removes it again
   * @throws {Error} when the disk of temporary files is full, for one
   */
  lay(task: ClaimedTask): Disposable {
    const path = join(this.dir, taskId(task));
    if (task.priority !== null) this.#makeDirectory(dirname(path));
    const file = Deno.openSync(path, { write: true, createNew: true, mode: MODE });
    try {
      writeAll(file, encodePacket(task.vars, MODIFIER_SPOOL));
      const piece = new Uint8Array(PIECE);
      for (let at = 0; at < task.bodySize;) {
        const count = task.readBody(piece, at);
        if (count === 0) break;
        writeAll(file, piece.subarray(0, count));
        at += count;
      }
      Deno.chownSync(path, this.owner, null);
    } catch (error) {
      remove(path);
      throw error;
    } finally {
      file.close();
    }
    return { [Symbol.dispose]: () => remove(path) };
  }
}

function remove(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // It goes with the directory.
  }
}

function writeAll(file: Deno.FsFile, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
}
