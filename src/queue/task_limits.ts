/**
 * `spooler-limit`: how many tasks of a function, or with the same value of a key, may run at the same time. A
 * task belongs to the share of its function and of that value: shares take turns. @pure
 */

import { createHash } from "node:crypto";
import { findText, type Var } from "../wire/packet.ts";

/** What the ini says. */
export interface TaskLimit {
  /** The function it is for; null is every function. */
  readonly func: string | null;
  /** Counts the tasks with the same value of this key; null counts all. */
  readonly key: string | null;
  /** At the same time, in each spool. */
  readonly processes: number;
}

/** A limit as it holds for some tasks: one count of runs. */
export interface RunLimit {
  /** Others with the same are the same. */
  readonly id: string;
  /** For people: `send_mail, customer=7`. */
  readonly text: string;
  readonly processes: number;
}

/** Whose turn it is, and what its tasks must keep to: the same for all of them. */
export interface TaskShare {
  readonly key: string;
  readonly limits: readonly RunLimit[];
}

/** Longer values are told apart by their hash. */
const LONGEST_VALUE = 100;

export class TaskLimits {
  readonly #limits: readonly TaskLimit[];

  constructor(limits: readonly TaskLimit[]) {
    this.#limits = limits;
  }

  /** Whether tasks must be read before it is known which of them may start. */
  get isAny(): boolean {
    return this.#limits.length > 0;
  }

  /** @param ofHandler how many runs its handler allows; null is no limit */
  shareOf(func: string, vars: readonly Var[], ofHandler: number | null): TaskShare {
    const limits: RunLimit[] = [];
    const name = func === "" ? "no function" : func;
    if (ofHandler !== null) limits.push({ id: `h ${func}`, text: name, processes: ofHandler });
    const [ofAll, ofKeys] = [this.#matching(func, false), this.#matching(func, true)];
    for (const [index, { func: own, processes }] of ofAll) {
      limits.push({ id: `f ${index}`, text: own ?? "all functions", processes });
    }
    // Of those for a key the one of the function comes first: a task belongs to one share.
    const [index, { func: own, key, processes }] = ofKeys.at(-1) ?? [0, NO_KEY];
    const value = key === null ? undefined : findText(vars, key);
    if (key === null || value === undefined) return { key: `f ${func}`, limits };
    const short = shortened(value);
    limits.push({
      id: `k ${index} ${short}`,
      text: `${own === null ? "" : `${own}, `}${key}=${short.slice(0, LONGEST_VALUE)}`,
      processes,
    });
    // A function and a value may have blanks.
    return { key: `k ${JSON.stringify(func)} ${short}`, limits };
  }

  /** With their places in the ini; those for every function come before those for this one. */
  #matching(func: string, hasKey: boolean): (readonly [number, TaskLimit])[] {
    const all = [...this.#limits.entries()].filter(([, each]) =>
      (each.func === null || each.func === func) && (each.key !== null) === hasKey
    );
    return all.sort(([, a], [, b]) => Number(a.func !== null) - Number(b.func !== null));
  }
}

const NO_KEY: TaskLimit = { func: null, key: null, processes: Infinity };

function shortened(value: string): string {
  if (value.length <= LONGEST_VALUE) return value;
  const hash = createHash("sha256").update(value).digest("hex");
  return `${value.slice(0, LONGEST_VALUE)}… ${hash}`;
}
