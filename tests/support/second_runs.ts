/**
 * Why a task of a stream has run twice, by what was recorded: which program held it, when it took it from
 * the stream, when the stream had acknowledged its end, who was killed, and which program stood still.
 */

import type { NotedRun } from "./cluster_site.ts";

export interface Kill {
  readonly what: string;
  /** The program that was killed; null is the servers. */
  readonly machine: string | null;
  /** By the wall clock, in milliseconds. */
  readonly from: number;
  /** A task that was sent after it has run. */
  to: number;
}

/** What one worker's log says of it, over all its lives; times of the wall clock, in milliseconds. */
export interface WorkerRecords {
  /** When it took each task from the stream, by the name of its file. */
  readonly taken: ReadonlyMap<string, number>;
  /** When it knew that the stream knows the end of each. */
  readonly acknowledged: ReadonlyMap<string, number>;
  /** When it stood still for longer than ack-wait, as it has noticed itself. */
  readonly stoodStill: readonly { readonly from: number; readonly to: number }[];
}

const LINE = /^(\d{4}-\d\d-\d\d) (\S+) (.*)$/;

/** @param log of a program with `spooler-debug = stream` */
export function recordsIn(log: string): WorkerRecords {
  const taken = new Map<string, number>();
  const acknowledged = new Map<string, number>();
  const stoodStill: { from: number; to: number }[] = [];
  for (const line of log.split("\n")) {
    const [, date, time, text = ""] = LINE.exec(line) ?? [];
    const at = Date.parse(`${date}T${time}`);
    const [, took] = /debug: stream: (\S+) is message \d+$/.exec(text) ?? [];
    const [, ended] = /debug: stream: (\S+): the stream knows that it is done$/.exec(text) ?? [];
    const [, seconds] = / this program stood still for ([\d.]+) s/.exec(text) ?? [];
    if (took !== undefined) taken.set(took, at);
    else if (ended !== undefined) acknowledged.set(ended, at);
    else if (seconds !== undefined) stoodStill.push({ from: at - 1000 * Number(seconds), to: at });
  }
  return { taken, acknowledged, stoodStill };
}

export interface Known {
  readonly kills: readonly Kill[];
  /** By the name of the machine. */
  readonly records: ReadonlyMap<string, WorkerRecords>;
  /** Messages that the servers had lost sight of were put again, or a consumer was made anew. */
  readonly isMended: boolean;
}

/** Null where nothing that was recorded allows it. @param runs of one task, two or more */
export function reasonOf(
  [first, second]: readonly NotedRun[],
  { kills, records, isMended }: Known,
): Kill | "standstill" | null {
  if (first === undefined || second === undefined) return null;
  const record = records.get(first.machine);
  // The last lines of a program that was killed may be missing.
  const takenAt = record?.taken.get(first.task) ?? first.at;
  const acknowledgedAt = record?.acknowledged.get(first.task) ?? Infinity;
  const kill = kills.findLast(({ what, machine, from, to }) => {
    if (from > second.at) return false;
    // What runs at that machine only after its kill is not excused by it: it was taken later.
    if (machine !== null) {
      return machine === first.machine && first.at <= to && takenAt <= from &&
        acknowledgedAt > from;
    }
    // Servers that were all killed may have lost acknowledgements that they had given.
    const isLost = what === "all servers" && isMended;
    return takenAt <= to && (acknowledgedAt > from || isLost);
  });
  if (kill !== undefined) return kill;
  const stoodStill = record?.stoodStill.some(({ from, to }) =>
    from <= Math.min(second.at, acknowledgedAt) && takenAt <= to
  );
  return stoodStill ? "standstill" : null;
}
