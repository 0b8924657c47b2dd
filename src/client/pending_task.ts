/** A task on its way to a peer, and the caller that waits for its answer. */

import type { Signed } from "../wire/signature.ts";
import type { EncodedTask, PutOptions, TaskToPut } from "./new_task.ts";
import type { PeerTls, SpoolerPeer } from "./peer_link.ts";

export interface ConnectOptions extends PeerTls {
  /** `spooler-secret` of the peer: tasks are signed, and so must its answers be. */
  readonly secret?: string;
  /** How long a task is tried for, over all connections; 60 s by default. */
  readonly timeoutMs?: number;
  /** Tasks that are sent before the first of them is answered; 128 by default. */
  readonly window?: number;
}

export interface SendOptionsOfTask extends PutOptions {
  /** The directory of one of the peer's spools, or a target of a forward of its. */
  readonly spooler?: string;
  /** Printable ASCII: a task with the same id, keys and body is accepted once. */
  readonly id?: string;
}

export interface TaskToSend extends TaskToPut, SendOptionsOfTask {}

/** The peer does not take this task, and would not take it if it were sent again. */
export class TaskRefusedError extends Error {
  override name = "TaskRefusedError";
}

export interface PendingTask {
  readonly id: string;
  readonly task: EncodedTask;
  /** It is settled with its name, not with its id. */
  readonly wantsName: boolean;
  /** Of the packet that was sent last. */
  signed: Signed | null;
  /** Nobody waits for it any more. */
  isDropped: boolean;
  /** @param name where the peer has said it: its own, or that of a task that stands for it */
  settle(error: unknown, name?: string): void;
}

export interface NewPendingTask {
  readonly id: string;
  readonly task: EncodedTask;
  readonly wantsName: boolean;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  /** @param id its id, or its name */
  resolve(id: string): void;
  reject(error: unknown): void;
  /** What to say when the time is over. */
  late(): Error;
  /** Called when its caller waits no more. */
  dropped(): void;
}

const NAMELESS = "the peer accepted this task before, and knows its name no longer";

export function pendingTask(wanted: NewPendingTask): PendingTask {
  const { id, task, wantsName, timeoutMs, signal, resolve, reject, late, dropped } = wanted;
  const drop = (error: unknown) => {
    sending.isDropped = true;
    sending.settle(error);
    dropped();
  };
  const aborted = () => drop(signal?.reason);
  const timer = setTimeout(() => drop(late()), timeoutMs);
  signal?.addEventListener("abort", aborted);
  const sending: PendingTask = {
    ...{ id, task, wantsName, signed: null, isDropped: false },
    settle(error, name) {
      clearTimeout(timer);
      signal?.removeEventListener("abort", aborted);
      if (error !== null) reject(error);
      else if (wantsName && name === undefined) reject(new Error(NAMELESS));
      else resolve(name ?? id);
    },
  };
  return sending;
}

/** @throws {TaskRefusedError} when the peer is not able to take the task */
export function mustBeWithin(
  { version, taskNames, body, maxBody }: SpoolerPeer,
  { task, wantsName }: Pick<PendingTask, "task" | "wantsName">,
): void {
  if (wantsName && !taskNames) {
    throw new TaskRefusedError(
      `the peer is of version ${version}, which does not say names of tasks, as a chain needs them`,
    );
  }
  const size = task.body.length;
  if (size === 0 || body && (maxBody === null || size <= maxBody)) return;
  throw new TaskRefusedError(`its body has ${size} bytes, the peer accepts ${body ? maxBody : 0}`);
}
