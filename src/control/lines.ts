/** Lines on a connection to a control socket. */

import { writeAll } from "../wire/client.ts";

const NEWLINE = 10;

/** @param line with its end */
export async function writeLine(connection: Deno.Conn, line: string): Promise<void> {
  await writeAll(connection, new TextEncoder().encode(line));
}

/** A line without its end; null when it is too long, or the other side has hung up within it. */
export async function readLine(connection: Deno.Conn, mostBytes: number): Promise<string | null> {
  const decoder = new TextDecoder();
  const piece = new Uint8Array(64 * 1024);
  let text = "";
  for (let size = 0; size <= mostBytes;) {
    const count = await connection.read(piece);
    if (count === null) return null;
    size += count;
    const end = piece.subarray(0, count).indexOf(NEWLINE);
    const isLast = end >= 0;
    text += decoder.decode(piece.subarray(0, isLast ? end : count), { stream: !isLast });
    if (isLast) return text;
  }
  return null;
}
