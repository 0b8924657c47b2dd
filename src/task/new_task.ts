/** A task before it has a file. Types only. @pure */

import type { Var } from "../wire/packet.ts";
import type { UniqueWish } from "./unique.ts";

export interface NewTask {
  readonly vars: readonly Var[];
  /** All that its file holds, where somebody has that; good until it is known what became of the task. */
  readonly file?: Uint8Array<ArrayBuffer>;
  readonly body?: Uint8Array | AsyncIterable<Uint8Array>;
  /** Bytes that a body in pieces will have, when that is known. */
  readonly bodySize?: number;
  /** Not before this time, in milliseconds since the epoch. */
  readonly at?: number;
  /** 0 or more; lower runs first. */
  readonly priority?: number;
  /** Names of the tasks that are to be done before; `at` then is the time that says so. */
  readonly after?: readonly string[];
  /** Absent is a task without a key. */
  readonly unique?: UniqueWish;
}
