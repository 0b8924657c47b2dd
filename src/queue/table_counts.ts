/** How many tasks of a table are in each state, in the words of a status. @pure */

import type { StateCounts } from "../report/snapshot.ts";
import type { Tasks } from "./tasks.ts";

/** @param running those that are run now, by the program and by workers */
export function tableCounts(tasks: Tasks, running: number): Omit<StateCounts, "failed"> {
  const count = (kind: Parameters<Tasks["count"]>[0]) => tasks.count(kind);
  const handedAndWaiting = count("handed") - tasks.busyWorkers;
  return {
    ready: count("ready") + count("limited") + Math.max(0, handedAndWaiting),
    deferred: count("deferred"),
    running,
    postponed: count("postponed"),
    held: count("held"),
    unusable: count("unusable"),
    stuck: count("stuck"),
  };
}
