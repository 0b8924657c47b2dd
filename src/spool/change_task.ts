/** What an operator's retry and remove mean for a task, by where it lies: for commands and the running program. */

import type { PlacedTask } from "./inspected.ts";
import type { Store } from "./store.ts";
import type { Changed } from "./task.ts";

/** A failed or deferred task is ready now. */
export async function retryTask(store: Store, task: PlacedTask): Promise<Changed> {
  return task.place === "failed" ? await store.retryFailed(task) : await store.retryDeferred(task);
}

/** Deletes a task that does not run. */
export async function removeTask(store: Store, task: PlacedTask): Promise<Changed> {
  return task.place === "failed" ? await store.removeFailed(task) : await store.remove(task);
}
