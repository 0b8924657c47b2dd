/**
 * Says which task has begun, in a file that is there for this alone: should this process die, the
 * master reads there whose fault that may be. One short write costs less than a message to the master.
 */

import { LOWEST_DESCRIPTOR } from "./channel.ts";
import type { WorkerLibc } from "./libc.ts";

export class BeganNote {
  readonly #fd: number;

  /** @param path of a file that the master has made; without it nothing is noted */
  constructor(private readonly libc: WorkerLibc, path: string) {
    this.#fd = libc.openToWrite(path, LOWEST_DESCRIPTOR);
  }

  /** @param id of the task, with a NUL at its end */
  begin(id: Uint8Array<ArrayBuffer>): void {
    if (this.#fd >= 0) this.libc.writeAtStart(this.#fd, id);
  }
}
