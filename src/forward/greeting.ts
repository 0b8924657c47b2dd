/** The ping at the beginning of a connection: it shows who is at the other end. */

import type { Clock } from "../platform/clock.ts";
import { reasonOf } from "../platform/reason.ts";
import { writeAll } from "../wire/client.ts";
import { isHangUp } from "../wire/hang_up.ts";
import { encodePacket, KEEP_OPEN, MODIFIER_PING } from "../wire/packet.ts";
import { pingVars, signedOf } from "../wire/signed_answer.ts";
import { AnswerReader } from "../wire/answer_reader.ts";
import { type Peer, peerOf } from "../wire/peer.ts";

export interface GreetOptions {
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** Signs the ping, whose answer must then be signed by this program; null asks for no proof. */
  readonly secret: string | null;
}

/**
 * Pings the peer of a fresh connection, which stays open only when there is an answer. With a secret the
 * ping holds a number that is used once: a recorded answer proves nothing.
 *
 * @returns null when the peer hangs up without a byte
 * @throws {Error} when it answers something else, or nothing in time
 */
export async function greet(
  socket: Deno.Conn,
  { clock, timeoutMs, secret }: GreetOptions,
): Promise<Peer | null> {
  let isOpen = true;
  let isLate = false;
  const close = () => {
    if (isOpen) socket.close();
    isOpen = false;
  };
  const cancel = clock.after(timeoutMs, () => {
    isLate = true;
    close();
  });
  const reader = new AnswerReader();
  const vars = secret === null ? [] : pingVars(nonce(), secret);
  const signed = secret === null ? null : signedOf(vars, secret);
  try {
    await writeAll(socket, encodePacket(vars, MODIFIER_PING, KEEP_OPEN));
    while (true) {
      const count = await socket.read(reader.space());
      if (count === null && reader.pending > 0) {
        throw new Error("it closed the connection in the middle of its ping reply");
      }
      if (count === null) return close(), null;
      reader.filled(count);
      const packet = reader.next();
      if (!packet) continue;
      const peer = peerOf(packet, signed);
      if (reader.pending > 0) throw new Error("unexpected bytes after its ping reply");
      return peer;
    }
  } catch (error) {
    close();
    if (isLate) throw new Error(`no answer to a ping within ${timeoutMs / 1000} s`);
    if (isHangUp(error) && reader.pending === 0) return null;
    throw new Error(reasonOf(error));
  } finally {
    cancel();
  }
}

function nonce(): string {
  return crypto.randomUUID().replaceAll("-", "");
}
