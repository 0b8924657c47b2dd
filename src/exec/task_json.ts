/**
 * The whole task as one line of JSON: its keys and values, and its body, as text. What is no UTF-8 is
 * there as base64 instead, under `vars64` and `body64`. A body is read twice and written piece by
 * piece: it can be larger than memory.
 */

import { Buffer } from "node:buffer";
import { turnOfOthers } from "../platform/clock.ts";
import { nameToShow } from "../platform/name.ts";
import type { ClaimedTask } from "../spool/store.ts";
import type { Run } from "./executor.ts";

/** A multiple of three bytes, which base64 makes four characters of. */
const CHUNK = 48 * 1024;
/** So many chunks are scanned before other work gets the thread. */
const CHUNKS_AT_ONCE = 8;

export async function* taskJson({ task, func, attempt }: Run): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder();
  const head = JSON.stringify({ name: nameToShow(task.name), func, attempt, ...varsOf(task) });
  const isText = await hasText(task);
  yield encoder.encode(`${head.slice(0, -1)},"${isText ? "body" : "body64"}":"`);
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  for (const chunk of bodyChunks(task, CHUNK)) {
    yield encoder.encode(
      isText ? JSON.stringify(decoder.decode(chunk, { stream: true })).slice(1, -1) : base64(chunk),
    );
  }
  yield encoder.encode('"}\n');
}

/** The body in pieces of so many bytes, the last one perhaps less. */
export function* bodyChunks(task: ClaimedTask, size: number): Generator<Uint8Array> {
  for (let at = 0; at < task.bodySize;) {
    const chunk = new Uint8Array(Math.min(size, task.bodySize - at));
    const count = task.readBody(chunk, at);
    if (count === 0) return;
    yield chunk.subarray(0, count);
    at += count;
  }
}

function varsOf({ vars: given }: ClaimedTask) {
  const vars: Record<string, string> = {};
  const vars64: Record<string, string> = {};
  for (const { name, value } of given) {
    const key = new TextDecoder().decode(name);
    const text = exactText(value);
    if (text === null) vars64[key] = base64(value);
    else vars[key] = text;
  }
  return Object.keys(vars64).length > 0 ? { vars, vars64 } : { vars };
}

/** Whether the body is UTF-8. */
async function hasText(task: ClaimedTask): Promise<boolean> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let chunks = 0;
  try {
    for (const chunk of bodyChunks(task, CHUNK)) {
      decoder.decode(chunk, { stream: true });
      if (++chunks % CHUNKS_AT_ONCE === 0) await turnOfOthers();
    }
    decoder.decode();
    return true;
  } catch (error) {
    if (error instanceof TypeError) return false;
    throw error;
  }
}

/** Null when the bytes are no UTF-8. */
function exactText(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}
