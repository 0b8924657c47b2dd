/**
 * Decides which spool a task from the network goes into, or why it is refused.
 */

import type { ReceptionConfig } from "./settings.ts";
import type { SpoolConfig } from "../queue/settings.ts";
import { destinationFor } from "./destination.ts";
import type { Clock } from "../platform/clock.ts";
import type { Emit } from "../report/event.ts";
import { Limiter } from "../report/limiter.ts";
import type { SentId } from "../spool/accepted_ids.ts";
import type { OnAccepted } from "../spool/intake.ts";
import type { Store } from "../spool/store.ts";
import type { NewTask } from "../task/new_task.ts";
import type { TaskRef } from "../spool/layout.ts";
import type { IncomingBody } from "./body.ts";
import type { IncomingTask } from "./incoming_task.ts";
import { findText, PacketError } from "../wire/packet.ts";
import { functionProblem, isStranger, pickleProblem, withoutPickle } from "../wire/pickle_rule.ts";
import { RefusalError } from "../wire/refusal.ts";
import { readRequest, RequestError } from "../task/request.ts";
import { withoutReserved } from "../wire/signature.ts";
import { receiverName } from "./receiver_name.ts";
import { checkedPieces, Verifier } from "./verifier.ts";
import { reasonOf } from "../platform/reason.ts";

/** An open spool. */
export interface Spool {
  readonly name: string;
  /** Values of a task's `spooler` that mean it. */
  readonly names: readonly string[];
  readonly config: SpoolConfig;
  readonly store: Store;
}

/** The spool that a task names with `spooler`, or the first. */
export function spoolFor(spools: readonly Spool[], spooler: string | undefined): Spool {
  const spool = destinationFor(spools, spooler);
  if (spool) return spool;
  throw new RequestError(
    spooler === undefined ? "this program has no spool" : `no such spooler: "${spooler}"`,
  );
}

export interface ReceptionOptions {
  readonly spools: readonly Spool[];
  readonly config: ReceptionConfig;
  readonly clock: Clock;
  readonly emit: Emit;
}

/** Of deliveries that were accepted before, so many have a line of the log in each window. */
const MOST_REPETITIONS = 20;
const REPETITIONS_WINDOW_MS = 10_000;

export class Reception {
  readonly #options: ReceptionOptions;
  readonly #verifier: Verifier;
  readonly #repetitions = new Limiter(MOST_REPETITIONS, REPETITIONS_WINDOW_MS);
  /** Spools that refused their last task, so that it is logged once. */
  readonly #refusing = new Set<Spool>();

  constructor(options: ReceptionOptions) {
    this.#options = options;
    const { secrets } = options.config;
    this.#verifier = new Verifier(secrets.length > 0, receiverName(options.config), options.clock);
  }

  /** See {@link Accept}; what is done is on disk. */
  accept(incoming: IncomingTask, done: (error: unknown) => void): void {
    this.#accept(incoming).then(() => done(null), done);
  }

  async #accept(incoming: IncomingTask): Promise<void> {
    const { spools, emit } = this.#options;
    const { id, bodySha256 } = this.#verifier.check(incoming);
    const { task, spooler } = readRequest(withoutReserved(incoming.vars));
    this.#checkPriority(task);
    const spool = spoolFor(spools, spooler);
    const isScanned = this.#checkStranger(incoming);
    const whole = withBody(task, incoming.body, { sha256: bodySha256, isScanned });
    const sender = "secret" in incoming.signed ? "signed" : incoming.sender;
    const func = findText(task.vars, "ud_spool_func") ?? "";
    const { from } = incoming;
    const ref = await this.#put(spool, whole, id === null ? null : { id, sender }, ({ name }) => {
      emit({ type: "task.accepted", task: name, func, from });
    });
    if (ref === null) this.#reportRepetition(id ?? "", func, from);
  }

  /** A peer can send the same task again and again, and cannot fill the log with that. */
  #reportRepetition(id: string, func: string, from: string): void {
    const { emit, clock } = this.#options;
    const now = clock.monotonic();
    const count = this.#repetitions.take(now);
    const { windowMs } = this.#repetitions;
    if (count > 0) emit({ type: "tasks.repeated", count, windowMs });
    if (this.#repetitions.admit(now)) emit({ type: "task.repeated", id, func, from });
  }

  /** Each priority is a directory: peers cannot make as many as they like. */
  #checkPriority({ priority }: NewTask): void {
    const { maxPriority } = this.#options.config;
    if (priority === undefined || priority <= maxPriority) return;
    throw new RequestError(
      `priority needs 0 to ${maxPriority} (spooler-max-priority): ${priority}`,
    );
  }

  /** @returns whether its body has to be scanned as well */
  #checkStranger({ vars, credential }: IncomingTask): boolean {
    const { secrets, pickles, allowFunctions } = this.#options.config;
    // With a secret, what is not signed did not come as far as this.
    if (!isStranger({ credential, isSigned: secrets.length > 0 })) return false;
    const unallowed = functionProblem(vars, allowFunctions);
    if (unallowed !== null) throw new RefusalError("function", unallowed);
    if (pickles === "trusted") return false;
    const problem = pickleProblem(vars);
    if (problem !== null) throw new RefusalError("pickle", problem);
    return true;
  }

  /**
   * Puts it on disk; logs when a spool stops accepting tasks and when it accepts them again.
   *
   * @returns null when the id says that it was accepted before
   */
  async #put(
    spool: Spool,
    task: NewTask,
    sent: SentId | null,
    accepted: OnAccepted,
  ): Promise<TaskRef | null> {
    const { emit } = this.#options;
    try {
      const { store } = spool;
      const ref = sent === null
        ? await store.put(task, accepted)
        : await store.putOnce(task, sent.id, sent.sender, accepted);
      if (this.#refusing.delete(spool)) emit({ type: "spool.accepting", spool: spool.name });
      return ref;
    } catch (error) {
      if (error instanceof PacketError || error instanceof RefusalError) throw error;
      const reason = reasonOf(error);
      const message = `refuses new tasks: ${reason}`;
      if (!this.#refusing.has(spool)) {
        emit({ type: "spool.warning", spool: spool.name, message });
      }
      this.#refusing.add(spool);
      throw new RefusalError("full", reason, true);
    }
  }
}

interface BodyChecks {
  readonly sha256: string | null;
  /** No pickle may be in it. */
  readonly isScanned: boolean;
}

/** The task with the body that comes behind its packet, which is checked as it comes. */
function withBody(task: NewTask, body: IncomingBody | null, checks: BodyChecks): NewTask {
  if (body === null) return task;
  if (task.body !== undefined) {
    throw new RequestError("it has both a body after its vars and the key body");
  }
  const { sha256, isScanned } = checks;
  const hashed = sha256 === null ? body.pieces() : checkedPieces(body.pieces(), sha256);
  const pieces = isScanned ? withoutPickle(hashed) : hashed;
  return { ...task, body: pieces, bodySize: body.size };
}
