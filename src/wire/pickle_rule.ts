/**
 * Whether a task with pickled arguments may come in. Unpickling runs what the pickle says, so whoever
 * may send such a task runs code of their own as the user of the task worker.
 *
 * The mark is that of uwsgidecorators' `pass_arguments`: the keys `args` and `kwargs`. uWSGI itself
 * unpickles `args` before it looks for `kwargs`, so where it runs the tasks `args` alone is enough.
 *
 * @pure
 */

import { findVar, type Var } from "./packet.ts";

/** What vouches for a sender; null is nothing but its having reached the socket. */
export type Voucher =
  /** A unix socket's file, which only some users may open. */
  | "permissions"
  /** A client certificate of our CA. */
  | "certificate"
  | null;

export interface PickleContext {
  readonly voucher: Voucher;
  /** The task carried a signature of ours, and it was checked. */
  readonly isSigned: boolean;
  /** `spooler-pickle = trusted`. */
  readonly areTrusted: boolean;
  /** Another program runs the tasks of its spool, a uWSGI perhaps. */
  readonly isExternal: boolean;
}

/** Why a task may not come in, in one line; null when it may. */
export function pickleProblem(vars: readonly Var[], context: PickleContext): string | null {
  const { voucher, isSigned, areTrusted, isExternal } = context;
  if (areTrusted || isSigned || voucher !== null) return null;
  if (findVar(vars, "args") === undefined) return null;
  if (findVar(vars, "kwargs") === undefined && !isExternal) return null;
  return "it has pickled arguments (args, kwargs), which run code when they are loaded: send it " +
    "signed (spooler-secret), with a client certificate or over a unix socket, or say " +
    "spooler-pickle = trusted";
}
