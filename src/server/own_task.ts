/** Puts a task that the main thread has, of somebody whom it knows, into a spool of the thread that takes tasks. */

import type { TaskRef } from "../spool/layout.ts";
import type { SeenTask } from "../spool/task.ts";
import type { IntakePut, OwnTask } from "./intake_messages.ts";
import type { Inbox } from "./reception.ts";
import { refusalText } from "./refusal_text.ts";

/** @param accepted is called before anybody starts it */
export async function putOwn(
  inbox: Pick<Inbox, "put"> | undefined,
  { task, sent }: OwnTask,
  accepted: (task: SeenTask) => void,
): Promise<IntakePut> {
  try {
    const ref = await new Promise<TaskRef | null>((resolve, reject) => {
      if (inbox === undefined) throw new Error("it takes no tasks yet");
      inbox.put(task, sent, {
        accepted: ({ name, priority }, dueAt) => {
          const seen = { name, priority, dueAt };
          accepted(seen);
          resolve(seen);
        },
        stoodFor: resolve,
        repeated: () => resolve(null),
        failed: reject,
      });
    });
    return { accepted: ref && { name: ref.name, priority: ref.priority } };
  } catch (error) {
    return { refusal: refusalText(error) };
  }
}
