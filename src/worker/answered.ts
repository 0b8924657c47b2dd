/** What a worker's answers mean for the tasks it was handed. @pure */

import type { AnswerGroup, WorkerAnswer } from "./message.ts";

export interface Answered {
  /** One for each task, without those for tasks that the worker does not have. */
  readonly answers: readonly WorkerAnswer[];
  /** What cannot be an answer to what the worker was handed; what follows it does not count. */
  readonly fault: string | null;
}

/**
 * @param unanswered ids in the order in which they were handed over
 * @param remove takes an id out of `unanswered`
 */
export function answersTo(
  unanswered: ReadonlySet<string>,
  groups: readonly AnswerGroup[],
  remove: (id: string) => void,
): Answered {
  const answers: WorkerAnswer[] = [];
  for (const group of groups) {
    const { kind, func, reason, stderr, nextTookMs } = group;
    const inOrder = unanswered.values();
    if (nextTookMs.length > 0 && inOrder.next().value !== group.task) {
      return { answers, fault: `it answers ${group.task} and more, which is not its next task` };
    }
    if (unanswered.has(group.task)) {
      remove(group.task);
      answers.push(group);
    }
    for (const tookMs of nextTookMs) {
      const { value: task } = inOrder.next();
      if (task === undefined) return { answers, fault: "it answers more tasks than it was handed" };
      remove(task);
      answers.push({ task, kind, func, tookMs, reason, stderr });
    }
  }
  return { answers, fault: null };
}
