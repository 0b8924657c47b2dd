/** A message as a consumer hands it out: its reply subject says which it is, and how often it was. @pure */

/** What of the client's message is needed. */
export interface RawMessage {
  readonly reply?: string;
  readonly data: Uint8Array;
  readonly headers?: { get(name: string): string } | undefined;
}

export interface PulledMessage {
  readonly data: Uint8Array;
  /** "" when there is none of that name. */
  header(name: string): string;
  /** Where the stream hears what becomes of it. */
  readonly reply: string;
  /** Of the message in its stream. */
  readonly sequence: number;
  /** When it was stored, by the servers: with its number no other message is taken for it. */
  readonly storedAtMs: number;
  /** 1 for the first time. */
  readonly deliveries: number;
}

/**
 * `$JS.ACK.STREAM.CONSUMER.DELIVERIES.SEQUENCE.…`, 9 words; servers with domains have two more behind
 * `ACK`, and more at the end.
 *
 * @throws {Error} when no stream has sent it
 */
export function pulledMessage({ reply = "", data, headers }: RawMessage): PulledMessage {
  const words = reply.split(".");
  const from = words.length === 9 ? 4 : 6;
  const [deliveries = NaN, sequence = NaN] = words.slice(from, from + 2).map(Number);
  const storedAtMs = Math.floor(Number(words[from + 3]) / 1e6);
  const isOurs = words[0] === "$JS" && words[1] === "ACK";
  if (!isOurs || !Number.isSafeInteger(sequence) || !Number.isSafeInteger(deliveries)) {
    throw new Error(`a message that no stream has sent: its reply subject is "${reply}"`);
  }
  const header = (name: string) => headers?.get(name) ?? "";
  return { data, header, reply, sequence, storedAtMs, deliveries };
}
