/** Sends one task to a peer that speaks uwsgi, and reads its answer. */

import { type Address, addressText } from "./address.ts";
import { decodeHeader, encodePacket, MODIFIER_ANSWER, MODIFIER_SPOOL, type Var } from "./packet.ts";
import { HEADER_SIZE } from "./packet.ts";

/** How long a peer may take for everything. */
const TIMEOUT_MS = 10_000;

/**
 * @returns whether the peer accepted the task
 * @throws {Error} when it cannot be reached, or answers nothing that is an answer
 */
export async function sendTask(address: Address, vars: readonly Var[]): Promise<boolean> {
  const packet = encodePacket(vars, MODIFIER_SPOOL);
  using connection = await connect(address);
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    connection.close();
  }, TIMEOUT_MS);
  try {
    for (let at = 0; at < packet.length;) at += await connection.write(packet.subarray(at));
    const answer = decodeHeader(await readExactly(connection, HEADER_SIZE));
    if (answer.modifier1 !== MODIFIER_ANSWER) {
      throw new Error(`it answered with modifier1 ${answer.modifier1}, an answer has 255`);
    }
    return answer.modifier2 === 1;
  } catch (error) {
    if (timedOut) throw new Error(`no answer within ${TIMEOUT_MS / 1000} s`);
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

async function connect(address: Address): Promise<Deno.Conn> {
  try {
    return address.kind === "tcp"
      ? await Deno.connect({ transport: "tcp", hostname: address.host, port: address.port })
      : await Deno.connect({ transport: "unix", path: address.path });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`connect to ${addressText(address)}: ${reason}`);
  }
}

async function readExactly(connection: Deno.Conn, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let filled = 0;
  while (filled < length) {
    const count = await connection.read(bytes.subarray(filled));
    if (count === null) {
      throw new Error(`it closed after ${filled} of ${length} bytes of an answer`);
    }
    filled += count;
  }
  return bytes;
}
