/** What a worker's answers mean for the tasks it was handed. @pure */

import type { HeardAnswer, TaskAnswer } from "./message.ts";

export interface Answered {
  /** One for each task, without those for tasks that the worker does not have. */
  readonly answers: readonly TaskAnswer[];
  /** What cannot be an answer to what the worker was handed; what follows it is not heard. */
  readonly fault: string | null;
}

/** @param handed ids in the order in which they were handed over; what is answered is removed */
export function answersTo(handed: Set<string>, heard: readonly HeardAnswer[]): Answered {
  const answers: TaskAnswer[] = [];
  for (const answer of heard) {
    const { kind, func, reason, stderr, nextTookMs } = answer;
    const inOrder = handed.values();
    if (nextTookMs.length > 0 && inOrder.next().value !== answer.task) {
      return { answers, fault: `it answers ${answer.task} and more, which is not its next task` };
    }
    if (handed.delete(answer.task)) answers.push(answer);
    for (const tookMs of nextTookMs) {
      const { value: task } = inOrder.next();
      if (task === undefined) return { answers, fault: "it answers more tasks than it was handed" };
      handed.delete(task);
      answers.push({ task, kind, func, tookMs, reason, stderr });
    }
  }
  return { answers, fault: null };
}
