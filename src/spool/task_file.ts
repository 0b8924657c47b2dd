/** Reads the file of a claimed task: a wire packet, then a body to the end of the file. */

import {
  decodeHeader,
  decodeVars,
  HEADER_SIZE,
  MODIFIER_SPOOL,
  PacketError,
  type Var,
} from "../uwsgi/packet.ts";
import type { Claim } from "./claim.ts";

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

export function readTask(claim: Claim): ReadTask {
  const { size } = claim.stat;
  const headerBytes = new Uint8Array(HEADER_SIZE);
  if (claim.read(headerBytes, 0) < HEADER_SIZE) {
    return { kind: "short", reason: `the file has ${size} bytes, a packet's header 4` };
  }
  const header = decodeHeader(headerBytes);
  if (header.modifier1 !== MODIFIER_SPOOL) {
    return { kind: "damaged", reason: `modifier1 is ${header.modifier1}, a task's is 17` };
  }
  const varBytes = new Uint8Array(header.size);
  const bodyStart = HEADER_SIZE + header.size;
  if (claim.read(varBytes, HEADER_SIZE) < header.size) {
    return {
      kind: "short",
      reason: `the file has ${size} bytes, its header says ${bodyStart}`,
    };
  }
  try {
    return {
      kind: "task",
      vars: decodeVars(varBytes),
      bodySize: size - bodyStart,
      readBody: (into, offset) => claim.read(into, bodyStart + offset),
    };
  } catch (error) {
    if (!(error instanceof PacketError)) throw error;
    return { kind: "damaged", reason: error.message };
  }
}
