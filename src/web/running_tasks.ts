/** The tasks that run, as the program knows them: to find them in a directory would mean to open all. */

import { refOf } from "../spool/layout.ts";
import { passes } from "../spool/matching.ts";
import type { SiteParts } from "./parts.ts";
import { type FoundTask, type FoundTasks, isFoundBy } from "./task_list.ts";
import type { TaskWish } from "./task_wish.ts";

export async function runningNow(parts: SiteParts, wish: TaskWish): Promise<FoundTasks> {
  const { spools, query, limit } = wish;
  const { running } = await parts.snapshot();
  const all = running.flatMap(({ spool: name, id }): FoundTask[] => {
    const spool = spools.find((each) => each.name === name);
    const task = spool?.inspector.inspect({ ...refOf(id), place: "queue" });
    if (spool === undefined || !task) return [];
    // A worker has locked it, or is about to.
    const running = { ...task, state: { kind: "running" } as const };
    return passes(running, query) && isFoundBy(running, query.search)
      ? [{ spool, task: running }]
      : [];
  });
  return { found: all.slice(0, limit), next: null, seen: all.length };
}
