/** Tasks that run one after the other, whoever puts them. @pure */

import { encodeTask, type TaskToPut } from "./new_task.ts";

/**
 * Puts each task when the one before it has its name.
 *
 * @param put resolves with the name of a task
 * @throws {TypeError} when one of them cannot be a task: then none is put
 */
export async function putChain<T extends TaskToPut>(
  tasks: readonly T[],
  put: (task: T) => Promise<string>,
): Promise<string[]> {
  for (const task of tasks) encodeTask(task);
  const names: string[] = [];
  // In this order: one whose predecessor is not there yet would start.
  for (const task of tasks) {
    const after = [task.after ?? [], names.at(-1) ?? []].flat();
    names.push(await put(after.length === 0 ? task : { ...task, after }));
  }
  return names;
}
