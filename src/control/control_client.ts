/** Asks the running programs of a spool. */

import type { Clock } from "../platform/clock.ts";
import { quietly } from "../platform/quietly.ts";
import type { ControlSockets } from "../spool/control_sockets.ts";
import { readLine, writeLine } from "./lines.ts";
import { type ControlRequest, type ControlResults, requestLine } from "./protocol.ts";

/** Of an answer: a snapshot of many tasks and workers is long. */
const MOST_BYTES = 64 * 1024 * 1024;
/** A program that does not answer for so long has stopped, or hangs. */
const PATIENCE_MS = 60_000;

/**
 * Puts a request to each program, one after the other.
 *
 * @throws {Deno.errors.PermissionDenied} when this user may not
 * @throws {Error} with what a program says is wrong
 */
export async function* askPrograms<R extends ControlRequest>(
  sockets: ControlSockets,
  request: R,
  clock: Clock,
): AsyncGenerator<ControlResults[R["do"]]> {
  for await (const connection of sockets.connect()) {
    const answer = await ask(connection, request, clock);
    if (answer === null) continue;
    if ("error" in answer) throw new Error(`the running program says: ${answer.error}`);
    yield answer.result as ControlResults[R["do"]];
  }
}

type ControlAnswer = { readonly result: unknown } | { readonly error: string };

/** Null when it has hung up. */
async function ask(
  connection: Deno.Conn,
  request: ControlRequest,
  clock: Clock,
): Promise<ControlAnswer | null> {
  const cancel = clock.after(PATIENCE_MS, () => void quietly(() => connection.close()));
  try {
    await writeLine(connection, requestLine(request));
    const line = await readLine(connection, MOST_BYTES);
    return line === null ? null : JSON.parse(line) as ControlAnswer;
  } catch {
    return null;
  } finally {
    cancel();
    quietly(() => connection.close());
  }
}
