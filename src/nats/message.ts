/** A message that is in a stream, by its number or its subject. */

import type { NatsLink } from "./link.ts";

type KnownWish = Parameters<NatsLink["manager"]["streams"]["getMessage"]>[1];
/** The types of the packages do not know that servers also find the next one, from a number on. */
export type MessageWish = KnownWish | { readonly seq: number; readonly next_by_subj: string };
export type FoundMessage = NonNullable<
  Awaited<ReturnType<NatsLink["manager"]["streams"]["getMessage"]>>
>;

/** err_code of a stream that has no such message. */
const NO_MESSAGE = 10037;

/** Null when the stream has none. @throws {Error} when nobody can say that */
export async function messageIn(
  { manager, library }: NatsLink,
  stream: string,
  wish: MessageWish,
): Promise<FoundMessage | null> {
  try {
    return await manager.streams.getMessage(stream, wish as KnownWish);
  } catch (error) {
    const isMissing = error instanceof library.JetStreamApiError && error.code === NO_MESSAGE;
    if (isMissing) return null;
    throw error;
  }
}
