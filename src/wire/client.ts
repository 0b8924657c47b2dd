/** Sends one task to a peer that speaks uwsgi, and reads its answer. */

import { type Clock, systemClock } from "../platform/clock.ts";
import { hangUp } from "../platform/tcp_socket.ts";
import { type Address } from "./address.ts";
import { dial } from "./dial.ts";
import {
  decodeHeader,
  encodePacket,
  HEADER_SIZE,
  MODIFIER_ANSWER,
  MODIFIER_SPOOL,
  type Var,
} from "./packet.ts";
import { counted } from "../platform/count_text.ts";

/** How long a peer may take to be reached, and then for everything else. */
const TIMEOUT_MS = 10_000;

/**
 * @returns whether the peer accepted the task
 * @throws {Error} when it cannot be reached, or answers nothing that is an answer
 */
export async function sendTask(
  address: Address,
  vars: readonly Var[],
  clock: Clock = systemClock,
): Promise<boolean> {
  const packet = encodePacket(vars, MODIFIER_SPOOL);
  using connection = await dial({ address, timeoutMs: TIMEOUT_MS, clock });
  let timedOut = false;
  const cancel = clock.after(TIMEOUT_MS, () => {
    timedOut = true;
    hangUp(connection, true);
  });
  try {
    await writeAll(connection, packet);
    const answer = decodeHeader(await readExactly(connection, HEADER_SIZE));
    if (answer.modifier1 !== MODIFIER_ANSWER) {
      throw new Error(`it answered with modifier1 ${answer.modifier1}, an answer has 255`);
    }
    return answer.modifier2 === 1;
  } catch (error) {
    if (timedOut) throw new Error(`no answer within ${TIMEOUT_MS / 1000} s`);
    throw error;
  } finally {
    cancel();
  }
}

export async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}

async function readExactly(connection: Deno.Conn, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let filled = 0;
  while (filled < length) {
    const count = await connection.read(bytes.subarray(filled));
    if (count === null) {
      throw new Error(`it closed after ${filled} of ${counted(length, "byte")} of an answer`);
    }
    filled += count;
  }
  return bytes;
}
