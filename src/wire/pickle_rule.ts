/**
 * What a sender that nobody vouches for may not send: pickles, and functions that the ini does not
 * allow. Unpickling runs what the pickle says, so a sender of one that is loaded runs code of
 * their own as the user of the task worker.
 *
 * What holds a pickle is decided by the bytes of every value, and of the body: libraries choose their
 * own keys.
 *
 * @pure
 */

import { findText, type Var } from "./packet.ts";
import { isPickle, PickleScanner } from "./pickle.ts";
import { RefusalError } from "./refusal.ts";

/** What vouches for a sender; null is nothing but its having reached the socket. */
export type Credential =
  /** A unix socket's file, which only some users may open. */
  | "permissions"
  /** A client certificate of our CA. */
  | "certificate"
  | null;

export interface SenderContext {
  readonly credential: Credential;
  /** The task carried a signature of ours, and it was checked. */
  readonly isSigned: boolean;
}

export function isStranger({ credential, isSigned }: SenderContext): boolean {
  return !isSigned && credential === null;
}

const NEEDS = "which runs code when it is loaded: send it signed (spooler-secret), with a client " +
  "certificate or over a unix socket, or say spooler-pickle = trusted";

/** Why these vars may not come in from a stranger, in one line; null when they may. */
export function pickleProblem(vars: readonly Var[]): string | null {
  const found = vars.find(({ value }) => isPickle(value));
  if (found === undefined) return null;
  return `"${new TextDecoder().decode(found.name)}" holds a pickle, ${NEEDS}`;
}

/**
 * The pieces of a stranger's body as they are; throws when they turn out to be a pickle.
 *
 * @throws {RefusalError}
 */
export async function* withoutPickle(
  pieces: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const scanner = new PickleScanner();
  for await (const piece of pieces) {
    scanner.push(piece);
    if (scanner.isPickle) break;
    yield piece;
  }
  if (scanner.end()) throw new RefusalError("pickle", `its body is a pickle, ${NEEDS}`);
}

/** Where a task says what runs it: uwsgidecorators' key, and that of uwsgi-tasks. */
const FUNCTION_KEYS = ["ud_spool_func", "function_name"];

/**
 * Why a stranger may not have this task run; null when it may.
 *
 * @param allowed names of functions, null for all (`spooler-allow-functions`)
 */
export function functionProblem(
  vars: readonly Var[],
  allowed: readonly string[] | null,
): string | null {
  if (allowed === null) return null;
  const names = FUNCTION_KEYS.flatMap((key) => findText(vars, key) ?? []);
  const other = names.find((name) => !allowed.includes(name));
  if (names.length > 0 && other === undefined) return null;
  const what = other === undefined ? "it names no function" : `its function is "${other}"`;
  return `${what}, and spooler-allow-functions has ${allowed.join(" ") || "none"}`;
}
