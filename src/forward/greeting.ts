/** The ping at the beginning of a connection: it shows who is at the other end. */

import type { Clock } from "../platform/clock.ts";
import { reasonOf } from "../platform/reason.ts";
import { writeAll } from "../wire/client.ts";
import { isHangUp } from "../wire/hang_up.ts";
import { encodeHeader, KEEP_OPEN, MODIFIER_PING } from "../wire/packet.ts";
import { AnswerReader } from "./answer_reader.ts";
import { type Peer, peerOf } from "./peer.ts";

export interface GreetOptions {
  readonly clock: Clock;
  readonly timeoutMs: number;
}

const PING = encodeHeader({ modifier1: MODIFIER_PING, size: 0, modifier2: KEEP_OPEN });

/**
 * Pings the peer of a fresh connection, which stays open only when there is an answer.
 *
 * @returns null when the peer hangs up without a byte
 * @throws {Error} when it answers something else, or nothing in time
 */
export async function greet(
  socket: Deno.Conn,
  { clock, timeoutMs }: GreetOptions,
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
  try {
    await writeAll(socket, PING);
    while (true) {
      const count = await socket.read(reader.space());
      if (count === null && reader.pending > 0) {
        throw new Error("it hung up in the middle of its ping reply");
      }
      if (count === null) return close(), null;
      reader.filled(count);
      const packet = reader.next();
      if (!packet) continue;
      const peer = peerOf(packet);
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
