/**
 * The uwsgi packet: modifier1, a u16 LE size, modifier2, then that many bytes of vars.
 *
 * A var is a name and a value, each behind a u16 LE length. The same bytes travel over a socket and
 * lie in a spool file, where a raw body may follow them. Names and values are bytes: nothing says
 * they are text (a pickled argument is not).
 *
 * Source: uWSGI 2.0 core/protocol.c, uwsgi_proto_uwsgi_parser and uwsgi_hooked_parse.
 *
 * @pure
 */

import { counted } from "../platform/count_text.ts";
import { LightError } from "../platform/light_error.ts";

/** modifier1 of a task for the spooler. */
export const MODIFIER_SPOOL = 17;
/** modifier1 of a ping, and of its answer. */
export const MODIFIER_PING = 100;
/** modifier1 of the answer to a task. */
export const MODIFIER_ANSWER = 255;

/**
 * modifier2 of a task or a ping, an extension of ours that uWSGI ignores: keep the connection open
 * and answer every packet in order.
 */
export const KEEP_OPEN = 1;
/** modifier2 of a task, ours: behind the vars come a u64 LE length and a body of so many bytes. */
export const WITH_BODY = 2;
/** modifier2 of a task, ours: its yes has the name of the task. */
export const WANTS_NAME = 4;

/** Bytes before the vars. */
export const HEADER_SIZE = 4;
/** The largest size a u16 can say, of the vars of a packet and of one name or value. */
export const MAX_VARS_SIZE = 0xffff;

export interface Header {
  readonly modifier1: number;
  /** Length of the vars in bytes, the header not counted. */
  readonly size: number;
  readonly modifier2: number;
}

/** One name and its value, as bytes. */
export interface Var {
  readonly name: Uint8Array;
  readonly value: Uint8Array;
}

/** The bytes are not a packet; the message says what is wrong and at which byte. */
export class PacketError extends LightError {
  override name = "PacketError";
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A var from text. */
export function textVar(name: string, value: string | Uint8Array): Var {
  return {
    name: encoder.encode(name),
    value: typeof value === "string" ? encoder.encode(value) : value,
  };
}

/** The value of the last var called `name`, as uWSGI's dictionaries have it. */
export function findVar(vars: readonly Var[], name: string): Uint8Array | undefined {
  const wanted = encodedName(name);
  for (let n = vars.length - 1; n >= 0; n--) {
    const v = vars[n] as Var;
    if (sameBytes(v.name, wanted)) return v.value;
  }
  return undefined;
}

/** Names that the program asks for, which are few. */
const names = new Map<string, Uint8Array>();
const MOST_NAMES = 100;

function encodedName(name: string): Uint8Array {
  const known = names.get(name);
  if (known !== undefined) return known;
  const bytes = encoder.encode(name);
  if (names.size < MOST_NAMES) names.set(name, bytes);
  return bytes;
}

/** Like {@link findVar}, decoded; bytes that are no UTF-8 become U+FFFD. */
export function findText(vars: readonly Var[], name: string): string | undefined {
  const value = findVar(vars, name);
  return value && decoder.decode(value);
}

/** The text of a name or a value; bytes that are no UTF-8 become U+FFFD. */
export function varText(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

/** Whether a var is called `name`. */
export function isNamed(v: Var, name: string): boolean {
  return sameBytes(v.name, encodedName(name));
}

/** `vars` without any var called `name`: the same array when there is none. */
export function withoutVar(vars: readonly Var[], name: string): readonly Var[] {
  return vars.some((v) => isNamed(v, name)) ? vars.filter((v) => !isNamed(v, name)) : vars;
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let n = 0; n < a.length; n++) if (a[n] !== b[n]) return false;
  return true;
}

/** Reads the four bytes of a header; the caller makes sure they are there. */
export function decodeHeader(bytes: Uint8Array): Header {
  if (bytes.length < HEADER_SIZE) {
    throw new PacketError(`read a packet header: it has 4 bytes, got ${bytes.length}`);
  }
  const [modifier1, low, high, modifier2] = bytes as unknown as [number, number, number, number];
  return { modifier1, size: low | (high << 8), modifier2 };
}

export function encodeHeader(header: Header): Uint8Array<ArrayBuffer> {
  const { modifier1, size, modifier2 } = header;
  return Uint8Array.of(modifier1, size & 0xff, size >> 8, modifier2);
}

/**
 * Splits the vars of a packet (the bytes behind its header). The result points into `bytes`.
 *
 * @throws {PacketError} when a length runs past the end, or a name is empty.
 */
export function decodeVars(bytes: Uint8Array): Var[] {
  const vars: Var[] = [];
  const { length } = bytes;
  for (let at = 0; at < length;) {
    const nameEnd = partEnd(bytes, at, "a name");
    if (nameEnd === at + 2) throw new PacketError(`the name at byte ${at} is empty`);
    const valueEnd = partEnd(bytes, nameEnd, "a value");
    vars.push({
      name: bytes.subarray(at + 2, nameEnd),
      value: bytes.subarray(nameEnd + 2, valueEnd),
    });
    at = valueEnd;
  }
  return vars;
}

/** Where the name or the value ends whose length is at `at`. */
function partEnd(bytes: Uint8Array, at: number, what: string): number {
  const start = at + 2;
  if (start > bytes.length) throw new PacketError(`the length of ${what} at byte ${at} is cut off`);
  const length = (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
  if (start + length <= bytes.length) return start + length;
  throw new PacketError(
    `${what} at byte ${at} says ${counted(length, "byte")}, ${bytes.length - start} left`,
  );
}

/**
 * A whole packet, header and vars.
 *
 * @throws {PacketError} when a name, a value or all of them together exceed 65,535 bytes.
 */
export function encodePacket(
  vars: readonly Var[],
  modifier1: number,
  modifier2 = 0,
): Uint8Array<ArrayBuffer> {
  const size = sizeOf(vars);
  const packet = new Uint8Array(HEADER_SIZE + size);
  writeParts(vars, { modifier1, size, modifier2 }, packet, 0);
  return packet;
}

/**
 * Writes a whole packet into `into`, from `at` on; returns where it ends. What sends many packets at once
 * needs no memory of its own for each.
 *
 * @throws {PacketError} when a name, a value or all of them together exceed 65,535 bytes.
 */
export function writePacket(
  vars: readonly Var[],
  { modifier1, modifier2 }: Pick<Header, "modifier1" | "modifier2">,
  into: Uint8Array,
  at: number,
): number {
  return writeParts(vars, { modifier1, size: sizeOf(vars), modifier2 }, into, at);
}

/** Returns where the packet ends. */
function writeParts(
  vars: readonly Var[],
  { modifier1, size, modifier2 }: Header,
  into: Uint8Array,
  at: number,
): number {
  into[at] = modifier1;
  into[at + 1] = size & 0xff;
  into[at + 2] = size >> 8;
  into[at + 3] = modifier2;
  let end = at + HEADER_SIZE;
  for (const { name, value } of vars) end = writePart(value, into, writePart(name, into, end));
  return end;
}

/** What vars take in a packet, in bytes. */
function sizeOf(vars: readonly Var[]): number {
  let size = 0;
  for (const { name, value } of vars) {
    if (name.length === 0) throw new PacketError("a name is empty");
    size += 4 + name.length + value.length;
  }
  if (size > MAX_VARS_SIZE) {
    throw new PacketError(`the vars have ${size} bytes, a packet holds ${MAX_VARS_SIZE}`);
  }
  return size;
}

function writePart(bytes: Uint8Array, into: Uint8Array, at: number): number {
  into[at] = bytes.length & 0xff;
  into[at + 1] = bytes.length >> 8;
  into.set(bytes, at + 2);
  return at + 2 + bytes.length;
}
