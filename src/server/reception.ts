/**
 * Decides which spool a task from the network goes into, or why it is refused.
 */

import type { ReceptionConfig } from "./settings.ts";
import type { SpoolConfig } from "../queue/settings.ts";
import { destinationFor } from "./destination.ts";
import type { Clock } from "../platform/clock.ts";
import type { Emit, Event } from "../report/event.ts";
import { Limiter } from "../report/limiter.ts";
import type { SentId } from "../spool/accepted_ids.ts";
import type { TaskRef } from "../spool/layout.ts";
import { type PutResult, reportPut } from "../spool/put_result.ts";
import type { Replays } from "../wire/replays.ts";
import type { Store } from "../spool/store.ts";
import type { NewTask } from "../task/new_task.ts";
import type { IncomingBody } from "./body.ts";
import type { IncomingTask, TaskDone } from "./incoming_task.ts";
import { PacketError } from "../wire/packet.ts";
import { functionProblem, isStranger, pickleProblem, withoutPickle } from "../wire/pickle_rule.ts";
import { RefusalError } from "../wire/refusal.ts";
import { funcOf, readRequest, RequestError } from "../task/request.ts";
import { SHELL_FUNCTION } from "../task/shell_task.ts";
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

/** Where tasks from the network are put. */
export interface Inbox {
  readonly name: string;
  readonly names: readonly string[];
  put(task: NewTask, sent: SentId | null, result: PutResult): void;
  /** The name of the task that was accepted with this id; null when it is not known any more. */
  acceptedName(sent: SentId): string | null;
}

/** The spool that a task names with `spooler`, or the first. */
export function spoolFor<T extends Pick<Inbox, "names">>(
  spools: readonly T[],
  spooler: string | undefined,
): T {
  const spool = destinationFor(spools, spooler);
  if (spool) return spool;
  throw new RequestError(
    spooler === undefined ? "this program has no spool" : `no such spooler: "${spooler}"`,
  );
}

/** A spool whose tasks are put by the event loop. */
export function inboxOf({ name, names, store }: Spool, clock: Clock): Inbox {
  return {
    name,
    names,
    put(task, sent, result) {
      reportPut(
        (accepted) =>
          sent === null
            ? store.put(task, accepted)
            : store.putOnce(task, sent.id, sent.sender, accepted),
        task.at ?? clock.now(),
        result,
      );
    },
    acceptedName: ({ id, sender }) => store.acceptedName(id, sender),
  };
}

export interface ReceptionOptions {
  readonly spools: readonly Inbox[];
  readonly config: ReceptionConfig;
  /** Survives a reload: what was used before it must not count after it. */
  readonly replays: Replays;
  readonly clock: Clock;
  readonly emit: Emit;
  /** Called for each task that is accepted, before anybody starts it. */
  readonly accepted: (
    spool: Inbox,
    ref: TaskRef,
    dueAt: number,
    func: string,
    from: string,
  ) => void;
}

/** Of deliveries that were accepted before, so many have a line of the log in each window. */
const MOST_REPETITIONS = 20;
const REPETITIONS_WINDOW_MS = 10_000;
/** The name of a task that was accepted before is read from a file that may be long. */
const MOST_LOOKUPS = 50;
const LOOKUPS_WINDOW_MS = 10_000;

export class Reception {
  readonly #options: ReceptionOptions;
  readonly #verifier: Verifier;
  readonly #repetitions = new Limiter(MOST_REPETITIONS, REPETITIONS_WINDOW_MS);
  readonly #lookups = new Limiter(MOST_LOOKUPS, LOOKUPS_WINDOW_MS);
  /** Spools that refused their last task, so that it is logged once. */
  readonly #refusing = new Set<Inbox>();

  constructor(options: ReceptionOptions) {
    this.#options = options;
    const { config, clock, replays } = options;
    this.#verifier = new Verifier(config.secrets.length > 0, receiverName(config), replays, clock);
  }

  /** See {@link Accept}; what is done is on disk. */
  accept(incoming: IncomingTask, done: TaskDone): void {
    const { spools } = this.#options;
    const { id, bodySha256 } = this.#verifier.check(incoming);
    const vars = withoutReserved(incoming.vars);
    const { task, spooler } = readRequest(vars, vars === incoming.vars ? incoming.file : null);
    this.#checkPriority(task);
    const spool = spoolFor(spools, spooler);
    const func = funcOf(task);
    checkCommand(func);
    const isScanned = this.#checkStranger(incoming);
    const whole = withBody(task, incoming.body, { sha256: bodySha256, isScanned });
    const sender = "secret" in incoming.signed ? "signed" : incoming.sender;
    const { from, wantsName } = incoming;
    const sent = id === null ? null : { id, sender };
    spool.put(whole, sent, {
      accepted: (ref, dueAt) => {
        this.#options.accepted(spool, ref, dueAt, func, from);
        this.#accepts(spool);
        done(null, wantsName ? ref.name : undefined);
      },
      stoodFor: ({ name }) => {
        this.#reportRepetition({ type: "task.unneeded", by: name, func, from });
        this.#accepts(spool);
        done(null, name);
      },
      repeated: () => {
        this.#reportRepetition({ type: "task.repeated", id: id ?? "", func, from });
        this.#accepts(spool);
        if (wantsName && sent !== null) this.#nameAgain(spool, sent, done);
        else done(null);
      },
      failed: (error) => done(this.#refusalOf(spool, error)),
    });
  }

  /** Of a task whose first answer was lost. */
  #nameAgain(spool: Inbox, sent: SentId, done: TaskDone): void {
    if (!this.#lookups.admit(this.#options.clock.monotonic())) {
      const message = "too many ask for names of tasks that were accepted before";
      return done(new RefusalError("full", message, true));
    }
    let name: string | null;
    try {
      name = spool.acceptedName(sent);
    } catch (error) {
      return done(this.#refusalOf(spool, error));
    }
    done(null, name ?? undefined);
  }

  /** A peer can send the same task again and again, and cannot fill the log with that. */
  #reportRepetition(event: Extract<Event, { type: "task.repeated" | "task.unneeded" }>): void {
    const { emit, clock } = this.#options;
    const now = clock.monotonic();
    const count = this.#repetitions.take(now);
    const { windowMs } = this.#repetitions;
    if (count > 0) emit({ type: "tasks.repeated", count, windowMs });
    if (this.#repetitions.admit(now)) emit(event);
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

  #accepts(spool: Inbox): void {
    if (!this.#refusing.delete(spool)) return;
    this.#options.emit({ type: "spool.accepting", spool: spool.name });
  }

  /** Logs when a spool stops accepting tasks. */
  #refusalOf(spool: Inbox, error: unknown): unknown {
    if (error instanceof PacketError || error instanceof RefusalError) return error;
    const reason = reasonOf(error);
    if (!this.#refusing.has(spool)) {
      const message = `refuses new tasks: ${reason}`;
      this.#options.emit({ type: "spool.warning", spool: spool.name, message });
    }
    this.#refusing.add(spool);
    return new RefusalError("full", reason, true);
  }
}

/** Whoever may reach a socket may not therefore run commands: these only come in by the directory. */
function checkCommand(func: string): void {
  if (func !== SHELL_FUNCTION) return;
  throw new RefusalError("function", `${SHELL_FUNCTION} is not taken from sockets`);
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
