/**
 * What a task from the network comes to: which spool it goes into, or why it is refused.
 */

import type { SpoolConfig } from "./config/config.ts";
import type { Emit } from "./report/event.ts";
import type { NewTask, Store } from "./spool/store.ts";
import type { TaskRef } from "./spool/layout.ts";
import type { IncomingTask } from "./uwsgi/connection.ts";
import { findText, PacketError } from "./uwsgi/packet.ts";
import { RefusalError } from "./uwsgi/refusal.ts";
import { readRequest, RequestError } from "./uwsgi/request.ts";

/** An open spool. */
export interface Spool {
  readonly name: string;
  readonly config: SpoolConfig;
  readonly store: Store;
}

/** The spool that a task names with `spooler`, or the first. */
export function spoolFor(spools: readonly Spool[], spooler: string | undefined): Spool {
  const spool = spooler === undefined
    ? spools[0]
    : spools.find(({ config: { dir } }) => dir === spooler);
  if (spool) return spool;
  throw new RequestError(
    spooler === undefined ? "there is no spool here" : `spooler is none of ours: "${spooler}"`,
  );
}

export interface ReceptionOptions {
  readonly spools: readonly Spool[];
  readonly emit: Emit;
}

export class Reception {
  readonly #options: ReceptionOptions;
  /** Spools that could not take the last task they were given, so that it is told once. */
  readonly #refusing = new Set<Spool>();

  constructor(options: ReceptionOptions) {
    this.#options = options;
  }

  /**
   * Takes responsibility for a task: it is on disk when this resolves.
   *
   * @throws {RefusalError | PacketError} when it is refused
   */
  async accept({ vars, body, from }: IncomingTask): Promise<void> {
    const { spools, emit } = this.#options;
    const { task, spooler } = readRequest(vars);
    if (body !== null && task.body !== undefined) {
      throw new RequestError("it has a body behind its vars and the key body");
    }
    const spool = spoolFor(spools, spooler);
    const { name } = await this.#put(
      spool,
      body === null ? task : { ...task, body: body.pieces() },
    );
    const func = findText(task.vars, "ud_spool_func") ?? "";
    emit({ type: "task.accepted", task: name, func, from });
  }

  /** Puts it on disk; that a spool takes no tasks is told when it begins and when it ends. */
  async #put(spool: Spool, task: NewTask): Promise<TaskRef> {
    const { emit } = this.#options;
    try {
      const ref = await spool.store.put(task);
      if (this.#refusing.delete(spool)) emit({ type: "spool.accepting", spool: spool.name });
      return ref;
    } catch (error) {
      if (error instanceof PacketError || error instanceof RefusalError) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      const message = `refuses new tasks: ${reason}`;
      if (!this.#refusing.has(spool)) {
        emit({ type: "spool.warning", spool: spool.name, message });
      }
      this.#refusing.add(spool);
      throw new RefusalError("full", reason, true);
    }
  }
}
