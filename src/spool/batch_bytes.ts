/** The bytes of tasks that come in a batch, until their files are made. @pure */

import { HEADER_SIZE, MAX_VARS_SIZE, MODIFIER_SPOOL, writePacket } from "../wire/packet.ts";
import type { NewTask } from "../task/new_task.ts";

/** A packet and the body that came in it: each may have as much as a packet can say. */
const memory = new Uint8Array(2 * (HEADER_SIZE + MAX_VARS_SIZE));

/** All that the file holds, until this is called again. */
export function bytesOf({ vars, body }: NewTask): Uint8Array<ArrayBuffer> {
  let end = writePacket(vars, SPOOL, memory, 0);
  if (body instanceof Uint8Array) {
    memory.set(body, end);
    end += body.length;
  }
  return memory.subarray(0, end);
}

const SPOOL = { modifier1: MODIFIER_SPOOL, modifier2: 0 };

/** What does not fit into it has memory of its own. */
const CAPACITY = 128 * 1024;

/** Copies of what comes in one batch. */
export class KeptBytes {
  #memory: Uint8Array<ArrayBuffer> | null = null;
  #used = 0;
  #size = 0;

  /** How many there are. */
  get size(): number {
    return this.#size;
  }

  /** @param isLasting they stay as they are until then: no copy is needed */
  keep(bytes: Uint8Array<ArrayBuffer>, isLasting: boolean): Uint8Array<ArrayBuffer> {
    this.#size += bytes.length;
    if (isLasting) return bytes;
    const end = this.#used + bytes.length;
    if (end > CAPACITY) return bytes.slice();
    const memory = this.#memory ??= new Uint8Array(CAPACITY);
    memory.set(bytes, this.#used);
    const kept = memory.subarray(this.#used, end);
    this.#used = end;
    return kept;
  }

  /** What was kept is not asked for any more. */
  clear(): void {
    this.#used = this.#size = 0;
  }
}
