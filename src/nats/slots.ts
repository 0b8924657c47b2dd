/**
 * Which slots of jobs somebody in the cluster has taken: a message each in STREAM_once, the first of its
 * subject. The stream forgets them after SLOT_REMEMBERED_MS.
 */

import { slotId, slotOfId } from "../schedule/slot_id.ts";
import type { NatsLink } from "./link.ts";
import { messageIn } from "./message.ts";
import { ONCE_SUFFIX } from "./stream_address.ts";
import { functionToken } from "./subject.ts";

/** err_code of a message that is not the first of its subject. */
const NOT_THE_FIRST = 10071;

/** @param id see {@link slotId} */
function subjectOfSlot(stream: string, id: string): string {
  const slot = slotOfId(id);
  const job = id.slice(0, id.length - String(slot).length - 1);
  return `${stream}${ONCE_SUFFIX}.${functionToken(job)}.${slot}`;
}

/**
 * Takes a slot for `by`, unless somebody has it.
 *
 * @returns who has it now
 * @throws {Error} when nobody can say that
 */
export async function takeSlot(
  link: NatsLink,
  { job, slot, by, timeoutMs }: {
    readonly job: string;
    readonly slot: number;
    readonly by: string;
    readonly timeoutMs: number;
  },
): Promise<string> {
  const subject = subjectOfSlot(link.address.stream, slotId(job, slot));
  const { jetstream, library } = link;
  try {
    await jetstream.publish(subject, by, {
      timeout: timeoutMs,
      expect: { lastSubjectSequence: 0 },
    });
    return by;
  } catch (error) {
    const isTaken = error instanceof library.JetStreamApiError && error.code === NOT_THE_FIRST;
    if (!isTaken) throw error;
    return await holderOf(link, subject) ?? "";
  }
}

/** Says that the task of a slot is in the stream. */
export async function markSlot(link: NatsLink, id: string, timeoutMs: number): Promise<void> {
  const subject = subjectOfSlot(link.address.stream, id);
  await link.jetstream.publish(subject, "", { timeout: timeoutMs });
}

export async function isSlotTaken(link: NatsLink, id: string): Promise<boolean> {
  return await holderOf(link, subjectOfSlot(link.address.stream, id)) !== null;
}

async function holderOf(link: NatsLink, subject: string): Promise<string | null> {
  const stream = `${link.address.stream}${ONCE_SUFFIX}`;
  return (await messageIn(link, stream, { last_by_subj: subject }))?.string() ?? null;
}
