/** The lines of `.spooler/accepted`; see accepted_ids.ts. @pure */

import { contentHash, type HashedId, idHash } from "./id_table.ts";

/** An id belongs to who gave it: others may use the same. */
export interface SentId {
  /** Without blanks, as is the sender. */
  readonly id: string;
  readonly sender: string;
}

export interface Accepted {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly name: string;
  /** Of the task, as a hash; null in a line of version 0.1. */
  readonly content: string | null;
}

/** What is kept in memory of an id. */
export function hashed(key: string, { at, content }: Accepted): HashedId {
  return { id: idHash(key), at, content: content === null ? null : contentHash(content) };
}

/** As in a line; of one of version 0.1 the id alone. */
export function keyOf({ id, sender }: SentId): string {
  return `${id} ${sender}`;
}

/** With its newline. */
export function lineOf(key: string, { at, name, content }: Accepted): string {
  return `+ ${at} ${key} ${name} ${content === null ? "" : `${content} `}.\n`;
}

/** Of an id whose text is not known any more; with its newline. */
function hashedLineOf({ id, at, content }: HashedId): string {
  return `= ${at} ${id} ${content === null ? "" : `${content} `}.\n`;
}

/** Of all that a table has. */
export function* linesOf(table: Iterable<HashedId>): Generator<string> {
  for (const accepted of table) yield hashedLineOf(accepted);
}

/** What a line says: that an id is accepted, that one is no more, or one of which the hash alone is known. */
export type AcceptedLine =
  | { readonly sign: "+"; readonly key: string; readonly accepted: Accepted }
  | { readonly sign: "-"; readonly key: string }
  | { readonly sign: "="; readonly accepted: HashedId };

/** Null when it is broken. */
export function readLine(line: string): AcceptedLine | null {
  const [sign, ...fields] = line.split(" ");
  if (fields.pop() !== ".") return null;
  if (sign === "-") return fields.length <= 2 ? { sign, key: fields.join(" ") } : null;
  const [time = "", ...rest] = fields;
  const at = Number(time);
  if (!Number.isFinite(at)) return null;
  if (sign === "=" && isHashed(rest)) {
    const [id = "", content = null] = rest;
    return { sign, accepted: { id, at, content } };
  }
  if (sign !== "+" || (fields.length !== 3 && fields.length !== 5)) return null;
  const content = fields.length === 5 ? rest.pop() ?? null : null;
  const name = rest.pop() ?? "";
  return { sign, key: rest.join(" "), accepted: { at, name, content } };
}

function isHashed([id = "", content, ...others]: readonly string[]): boolean {
  const isContent = content === undefined || /^[\da-f]{16}$/.test(content);
  return /^[\da-f]{32}$/.test(id) && isContent && others.length === 0;
}
