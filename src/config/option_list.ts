/**
 * The options of a configuration in the order they were given, as bytes (one in each character),
 * with what placeholders and conditions look up in them.
 *
 * @pure
 */

import { decodeBytes, encodeBytes } from "./bytes.ts";
import type { Entry } from "./entry.ts";
import type { Place } from "../platform/problem.ts";

/** A file that is being read, and the one that asked for it. */
export interface IncludeFrame {
  readonly id: string;
  readonly depth: number;
  readonly parent: IncludeFrame | null;
}

/** Where an option comes from. */
export interface Origin {
  readonly place: Place;
  readonly frame: IncludeFrame | null;
  /** Where relative paths start; absent: at the ini's directory. */
  readonly base?: string;
}

export interface Option {
  readonly key: string;
  /** Null for a flag of the command line. */
  value: string | null;
  /** It has acted already, or has nothing to act on: it is not expanded. */
  done: boolean;
  readonly placeholder: boolean;
  readonly origin: Origin;
}

export class OptionList {
  readonly all: Option[] = [];
  /** The keys that a placeholder or condition has used. */
  readonly used = new Set<string>();
  readonly #first = new Map<string, Option>();
  readonly #environment: Map<string, string>;

  constructor(environment: Iterable<readonly [string, string]>) {
    this.#environment = new Map(environment);
  }

  get environment(): ReadonlyMap<string, string> {
    return this.#environment;
  }

  add(option: Option): void {
    this.all.push(option);
    if (!this.#first.has(option.key)) this.#first.set(option.key, option);
  }

  has(key: string): boolean {
    return this.#first.has(key);
  }

  /** The value of the first option of that name, as it stands now. */
  lookUp(key: string): string | undefined {
    this.used.add(text(key));
    return this.#first.get(key)?.value ?? undefined;
  }

  /** A variable of the environment. */
  variable(name: string): string | undefined {
    const value = this.#environment.get(text(name));
    return value === undefined ? undefined : encodeBytes(value);
  }

  /** @param assignment NAME=VALUE; a NAME alone removes the variable */
  setVariable(assignment: string): void {
    const equals = assignment.indexOf("=");
    if (equals === -1) this.#environment.delete(text(assignment));
    else if (equals > 0) {
      this.#environment.set(text(assignment.slice(0, equals)), text(assignment.slice(equals + 1)));
    }
  }
}

/** @param problem called for what is not UTF-8; the entry then has one letter for each byte */
export function entryOf(option: Option, problem: (place: Place, message: string) => void): Entry {
  const { key, value, origin, placeholder } = option;
  const [name, content] = [decodeBytes(key), decodeBytes(value ?? "")];
  if (name === undefined || content === undefined) {
    problem(origin.place, `needs UTF-8: "${text(name === undefined ? key : value ?? "")}"`);
  }
  return {
    key: name ?? text(key),
    value: content ?? text(value ?? ""),
    place: origin.place,
    ...(origin.base === undefined ? {} : { base: origin.base }),
    ...(placeholder ? { placeholder } : {}),
    ...(value === null ? { valueless: true } : {}),
  };
}

/** Bytes as a text for people and for the file system; what is no UTF-8 stays one byte a letter. */
export function text(bytes: string): string {
  return decodeBytes(bytes) ?? bytes;
}
