/** A message of a stream as the task that it is, for whoever looks at the stream. @pure */

import { BODY_HEADER, MESSAGE_ID } from "../nats/headers.ts";
import type { StreamMessage } from "../nats/messages.ts";
import type { Content, Inspected, ListedState, TaskPlace } from "../spool/inspected.ts";
import { madeAt, TASK_PREFIX } from "../spool/layout.ts";
import { parseAt } from "../task/request.ts";
import { findText } from "../wire/packet.ts";
import { failureOf, recordOf, type StreamAttempts } from "./failure.ts";
import { packetIn } from "./message_packet.ts";

export interface StreamTask extends Inspected {
  /** Of its message, in the stream or in that of tasks that were given up. */
  readonly sequence: number;
  /** Of its delivery. */
  readonly id: string;
  readonly subject: string;
  /** Its body is this object of the stream's store; null is behind the packet. */
  readonly storedBody: string | null;
  readonly message: StreamMessage;
}

/** What is known besides the message. */
export interface TaskContext {
  /** Of the stream, for people. */
  readonly address: string;
  readonly place: TaskPlace;
  readonly now: number;
  readonly attempts: StreamAttempts | null;
  /** A program says that it has it. */
  readonly isHeld: boolean;
}

/** `17`, or `failed/17`. */
export function streamTaskName(place: TaskPlace, sequence: number): string {
  return place === "failed" ? `failed/${sequence}` : String(sequence);
}

export function streamTaskOf(message: StreamMessage, context: TaskContext): StreamTask {
  const { sequence, subject, storedAt, data } = message;
  const { address, place, attempts } = context;
  const id = message.header(MESSAGE_ID);
  const content = contentOf(data);
  const failure = place === "failed" ? failureOf(message) : null;
  const record = failure === null ? null : recordOf(failure);
  const name = streamTaskName(place, sequence);
  return {
    ...{ sequence, id, subject, message, name, place, content },
    priority: null,
    storedBody: message.header(BODY_HEADER) || null,
    path: `${address}, message ${name}`,
    state: place === "failed" ? { kind: "failed", record } : stateOf(storedAt, content, context),
    madeAt: madeAt(id.split(":")[0] ?? "") ?? storedAt,
    size: data.length,
    attempts: record?.attempts ?? attempts,
    recordProblem: null,
    waitsFor: [],
  };
}

/** The id as people know it: the name that the task had where it was put. */
export function idLabel(id: string): string {
  const [name = ""] = id.split(":");
  return name.startsWith(TASK_PREFIX) ? name.slice(TASK_PREFIX.length) : id;
}

function stateOf(storedAt: number, content: Content, context: TaskContext): ListedState {
  if (context.isHeld) return { kind: "running" };
  const dueAt = Math.max(storedAt, context.attempts?.dueAt ?? 0, startOf(content));
  return dueAt > context.now ? { kind: "deferred", dueAt } : { kind: "ready", dueAt };
}

/** What its `at` says; 0 without one. */
function startOf(content: Content): number {
  const at = content.kind === "task" ? findText(content.vars, "at") : undefined;
  try {
    return at === undefined ? 0 : 1000 * parseAt(at);
  } catch {
    return 0;
  }
}

function contentOf(data: Uint8Array): Content {
  const packet = packetIn(data);
  if (packet.kind === "unreadable") return packet;
  return { kind: "task", vars: packet.vars, bodySize: packet.body.length };
}
