/** Reads the file of a task: a wire packet, then a body to the end of the file. */

import {
  decodeHeader,
  decodeVars,
  HEADER_SIZE,
  MODIFIER_SPOOL,
  PacketError,
  type Var,
} from "../wire/packet.ts";
import type { Claim } from "./claim.ts";
import { counted } from "../platform/count_text.ts";

export type ReadTask =
  | {
    readonly kind: "task";
    readonly vars: readonly Var[];
    readonly bodySize: number;
    readBody(into: Uint8Array<ArrayBuffer>, offset: number): number;
  }
  /** Too short for what its header says. */
  | { readonly kind: "short"; readonly reason: string }
  /** No task, however long one waits. */
  | { readonly kind: "damaged"; readonly reason: string };

/** What can be read: a claimed file, or one that is only opened to be read. */
export type Readable = Pick<Claim, "stat" | "read">;

/** Read at once, so that most tasks cost one read. */
const FIRST_READ = 4096;
const firstBytes = new Uint8Array(FIRST_READ);

export function readTask(file: Readable): ReadTask {
  const { size } = file.stat;
  const filled = file.read(firstBytes.subarray(0, Math.min(size, FIRST_READ)), 0);
  if (filled < HEADER_SIZE) {
    return { kind: "short", reason: `the file has ${counted(size, "byte")}, a packet's header 4` };
  }
  const header = decodeHeader(firstBytes);
  if (header.modifier1 !== MODIFIER_SPOOL) {
    return { kind: "damaged", reason: `modifier1 is ${header.modifier1}, a task's is 17` };
  }
  const bodyStart = HEADER_SIZE + header.size;
  const varBytes = firstBytes.slice(HEADER_SIZE, Math.min(bodyStart, filled));
  const packet = bodyStart <= filled ? varBytes : readVars(file, header.size);
  if (packet.length < header.size) {
    return {
      kind: "short",
      reason: `the file has ${counted(size, "byte")}, its header says ${bodyStart}`,
    };
  }
  try {
    return {
      kind: "task",
      vars: decodeVars(packet),
      bodySize: size - bodyStart,
      readBody: (into, offset) => file.read(into, bodyStart + offset),
    };
  } catch (error) {
    if (!(error instanceof PacketError)) throw error;
    return { kind: "damaged", reason: error.message };
  }
}

function readVars(file: Readable, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  return bytes.subarray(0, file.read(bytes, HEADER_SIZE));
}
