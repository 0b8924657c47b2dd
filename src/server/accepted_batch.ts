/**
 * Tasks that were accepted, as one thread says them to another: what many have in common is said once. An
 * object for each would cost the main thread more than all else that it does with a task.
 *
 * @pure
 */

import type { TaskRef } from "../spool/layout.ts";

/** What tasks have in common that came one after the other. */
export interface AcceptedFrom {
  /** Of the spool. */
  readonly dir: string;
  readonly func: string;
  /** For people: who sent it. */
  readonly from: string;
}

export interface AcceptedGroup extends AcceptedFrom {
  readonly priority: string | null;
  readonly names: readonly string[];
  /** Of each: see `SeenTask`. */
  readonly dueAts: readonly number[];
}

interface OpenGroup extends AcceptedGroup {
  readonly names: string[];
  readonly dueAts: number[];
}

export class AcceptedBatch {
  #groups: OpenGroup[] = [];
  #last: OpenGroup | null = null;
  #size = 0;

  /** How many tasks it has. */
  get size(): number {
    return this.#size;
  }

  add({ name, priority }: TaskRef, dueAt: number, { dir, func, from }: AcceptedFrom): void {
    let group = this.#last;
    const isAlike = group !== null && group.func === func && group.dir === dir &&
      group.priority === priority && group.from === from;
    if (group === null || !isAlike) {
      group = { dir, func, from, priority, names: [], dueAts: [] };
      this.#groups.push(group);
      this.#last = group;
    }
    group.names.push(name);
    group.dueAts.push(dueAt);
    this.#size++;
  }

  /** All that it has; it is empty then. */
  take(): readonly AcceptedGroup[] {
    const groups = this.#groups;
    this.#groups = [];
    this.#last = null;
    this.#size = 0;
    return groups;
  }
}
