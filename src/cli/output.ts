/**
 * What a command says: lines to stdout in large pieces, complaints to stderr. No secret goes out here:
 * neither those of the ini that the command has read, nor what has the form of one.
 */

import { harmlessJson, jsonLine, safeLine } from "../report/safe_text.ts";
import { hideProgress } from "./progress.ts";
import { Secrets } from "../report/secrets.ts";

/** Characters that are gathered before they are written. */
const PIECE = 64 * 1024;

/** Lines of a long listing that are searched for secrets together. */
const MASKED_AT_ONCE = 100;

/** Of the ini that the command has read. */
const known = new Secrets();

/** From now on no command prints these. */
export function hideSecrets(secrets: Secrets): void {
  known.add(secrets);
}

/** A text for stdout or stderr, without what is hidden. */
export function withoutSecrets(text: string): string {
  return known.mask(text);
}

/** The same without what only has the form of a secret. */
export function withoutKnownSecrets(text: string): string {
  return known.maskKnown(text);
}

export interface CliOutputOptions {
  readonly reveals?: boolean;
  readonly isOfTasks?: boolean;
}

/** As {@link jsonLine}, which takes three times as long where each text passes through the mask. */
function maskedJson(value: unknown, mask: (text: string) => string): string {
  return isHarmless(value, mask) ? jsonLine(value) : jsonLine(value, mask);
}

/** Whether there is nothing to hide in a record of plain fields, as most lines are. */
function isHarmless(value: unknown, mask: (text: string) => string): boolean {
  if (typeof value !== "object" || value === null) return false;
  return Object.values(value).every((each) => {
    if (typeof each === "string") return mask(each) === each;
    return typeof each !== "object" || each === null || Array.isArray(each) && each.length === 0;
  });
}

/** The lines of {@link maskedJson}, of which nearly always none has anything to hide. */
export function maskedJsonLines(
  values: readonly unknown[],
  mask: (text: string) => string,
): string {
  const text = harmlessJson(values.map((value) => JSON.stringify(value)).join("\n"));
  // Where nothing is escaped each text in it stands there as it is.
  if (!text.includes("\\") && mask(text) === text) return text;
  return values.map((value) => maskedJson(value, mask)).join("\n");
}

/** Lines for stdout. The caller ends it with {@link flush}. */
export class CliOutput {
  #gathered = "";
  #closed = false;
  readonly #mask: (text: string) => string;

  /**
   * @param options `reveals`: the person wants to see secrets; `isOfTasks`: what tasks have printed, in
   * which `key=value` is rarely a secret
   */
  constructor({ reveals = false, isOfTasks = false }: CliOutputOptions = {}) {
    this.#mask = reveals
      ? (text) => text
      : isOfTasks
      ? (text) => known.maskKnown(text)
      : withoutSecrets;
  }

  /** Nobody reads any more (`| head`): there is no use in going on. */
  get closed(): boolean {
    return this.#closed;
  }

  async line(text: string): Promise<void> {
    this.#gathered += `${this.#mask(text)}\n`;
    await this.flushFull();
  }

  /** Very many lines at a time. */
  async lines(texts: readonly string[]): Promise<void> {
    for (let at = 0; at < texts.length; at += MASKED_AT_ONCE) {
      this.add(texts.slice(at, at + MASKED_AT_ONCE));
      await this.flushFull();
    }
  }

  /** A line for programs. */
  async json(value: unknown): Promise<void> {
    this.#gathered += `${maskedJson(value, this.#mask)}\n`;
    await this.flushFull();
  }

  /** Some lines, which are written with the next {@link flushFull}. */
  add(texts: readonly string[]): void {
    if (texts.length === 0) return;
    const text = texts.join("\n");
    // Nearly always there is nothing to hide in all of them.
    const isHarmless = this.#mask(text) === text;
    this.#gathered += `${isHarmless ? text : texts.map(this.#mask).join("\n")}\n`;
  }

  /** The same of lines for programs. */
  addJson(values: readonly unknown[]): void {
    if (values.length > 0) this.#gathered += `${maskedJsonLines(values, this.#mask)}\n`;
  }

  /** Writes what was gathered, when it is enough for a write. */
  async flushFull(): Promise<void> {
    if (this.#gathered.length >= PIECE) await this.flush();
  }

  async flush(): Promise<void> {
    const bytes = new TextEncoder().encode(this.#gathered);
    this.#gathered = "";
    await this.bytes(bytes);
  }

  /** Raw bytes, as they are. */
  async bytes(bytes: Uint8Array): Promise<void> {
    if (bytes.length > 0) hideProgress();
    try {
      for (let at = 0; at < bytes.length && !this.#closed;) {
        at += await Deno.stdout.write(bytes.subarray(at));
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
      this.#closed = true;
    }
  }
}

/** What is wrong with a command line or an ini: our own words, with a value of somebody's. */
export function complain(text: string): void {
  hideProgress();
  console.error(`spooler: ${safeLine(known.maskKnown(text))}`);
}

/** A line for people, beside what programs read. */
export function note(text: string): void {
  hideProgress();
  console.error(`spooler: ${safeLine(withoutSecrets(text))}`);
}
