/** What an attack of a siege is, and what all of them do. */

import type { Address } from "./target.ts";

export interface Attack {
  readonly name: string;
  /** Streams at the same time. */
  readonly crowd: number;
  /** Between two streams of one of the crowd. */
  readonly pauseMs?: number;
  /** Plays one stream; what it throws is the end of the stream. */
  play(address: Address, signal: AbortSignal): Promise<void>;
}

export async function send(connection: Deno.Conn, ...parts: Uint8Array[]): Promise<void> {
  for (const part of parts) {
    for (let at = 0; at < part.length;) at += await connection.write(part.subarray(at));
  }
}

/** Reads and throws away until the other side closes, or for so long. */
export async function drain(connection: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(64 * 1024);
  while (await connection.read(buffer) !== null);
}
