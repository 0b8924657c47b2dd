/** What task code may ask of the program, by the messages of the type `call`. */

import type { NewTask } from "../task/new_task.ts";
import { decodeHeader, decodeVars, HEADER_SIZE } from "../wire/packet.ts";
import { readRequest } from "../task/request.ts";
import type { Locks } from "./locks.ts";
import { noteProgress } from "./progress.ts";
import type { TaskWorker } from "./task_worker.ts";
import type { WorkerCall } from "./worker_listener.ts";
import { counted } from "../platform/count_text.ts";

/** What the calls of one spool's workers act on. */
export interface CallTarget {
  readonly locks: Locks<TaskWorker>;
  /** Puts a task into one of the spools; resolves with its name when it is safe there. */
  put(task: NewTask, spooler: string | undefined): Promise<string>;
  log(line: string): void;
  /** Said once, however many workers find it. */
  warn(message: string): void;
  raise(signal: number): void;
  setFrequency(ms: number): void;
  pids(): readonly number[];
}

/**
 * Does what a worker asks for.
 *
 * @throws {Error} with the reason that the worker gets
 */
export async function answerCall(call: WorkerCall, target: CallTarget): Promise<unknown> {
  const { method, args, tail } = call;
  switch (method) {
    case "spool":
      return await spool(numberArg(args, "bodySize"), tail, target);
    case "log":
      return target.log(String(args["message"] ?? ""));
    case "warn":
      return target.warn(String(args["message"] ?? ""));
    case "signal":
      return target.raise(numberArg(args, "signal"));
    case "frequency":
      return target.setFrequency(1000 * Math.max(0.05, numberArg(args, "seconds")));
    case "pids":
      return target.pids();
    case "lock":
      return await target.locks.lock(numberArg(args, "lock"), holderOf(call));
    case "unlock":
      return target.locks.unlock(numberArg(args, "lock"), holderOf(call));
    case "progress":
      return call.worker === null ? undefined : noteProgress(call.worker, args);
    case "locked":
      return target.locks.isHeld(numberArg(args, "lock"));
    default:
      throw new Error(`there is no call "${method}"`);
  }
}

/** What a worker holds ends with it; the end of its children is not noticed. */
function holderOf({ worker }: WorkerCall): TaskWorker {
  if (worker !== null) return worker;
  throw new Error("a forked child can hold no lock: the task can");
}

/** A packet, and a body of any length behind it. */
async function spool(
  bodySize: number,
  tail: Uint8Array<ArrayBuffer>,
  target: CallTarget,
): Promise<string> {
  const { size } = decodeHeader(tail);
  const bodyStart = HEADER_SIZE + size;
  if (bodyStart + bodySize !== tail.length) {
    throw new Error(
      `the packet has ${counted(bodyStart, "byte")} and its body ${bodySize}: ${tail.length}`,
    );
  }
  const { task, spooler } = readRequest(decodeVars(tail.subarray(HEADER_SIZE, bodyStart)));
  const body = bodySize === 0 ? {} : { body: tail.subarray(bodyStart) };
  return await target.put({ ...task, ...body }, spooler);
}

function numberArg(args: Readonly<Record<string, unknown>>, name: string): number {
  const value = args[name];
  if (typeof value === "number" && Number.isFinite(value)) return value;
  throw new Error(`${name} needs a number: ${JSON.stringify(value)}`);
}
