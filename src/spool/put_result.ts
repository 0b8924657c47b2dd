/** What becomes of a task that is put, for who does not wait for a promise. */

import type { OnAccepted } from "./intake.ts";
import type { TaskRef } from "./layout.ts";

/** Each is called once, before or after the call that puts the task has returned. */
export interface PutResult {
  /** It has its name, and is on disk. */
  accepted(ref: TaskRef, dueAt: number): void;
  /** Another task with its key stands for it. */
  stoodFor(by: TaskRef): void;
  /** Its id says that it was accepted before. */
  repeated(): void;
  failed(error: unknown): void;
}

/** @param put resolves with null for a task that was accepted before */
export function reportPut(
  put: (accepted: OnAccepted) => Promise<TaskRef | null>,
  dueAt: number,
  result: PutResult,
): void {
  let isAccepted = false;
  const accepted = (ref: TaskRef) => {
    isAccepted = true;
    result.accepted(ref, dueAt);
  };
  put(accepted).then(
    (ref) => {
      if (ref === null) result.repeated();
      else if (!isAccepted) result.stoodFor(ref);
    },
    (error) => result.failed(error),
  );
}

/** The same, with something to do behind each of its calls. */
export function endedBy(result: PutResult, ended: () => void): PutResult {
  return {
    accepted: (ref, dueAt) => {
      result.accepted(ref, dueAt);
      ended();
    },
    stoodFor: (by) => {
      result.stoodFor(by);
      ended();
    },
    repeated: () => {
      result.repeated();
      ended();
    },
    failed: (error) => {
      result.failed(error);
      ended();
    },
  };
}
