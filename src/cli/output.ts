/**
 * What a command says: lines to stdout in large pieces, complaints to stderr. No secret goes out here:
 * neither those of the ini that the command has read, nor what has the form of one.
 */

import { jsonLine, safeLine } from "../report/safe_text.ts";
import { hideProgress } from "./progress.ts";
import { Secrets } from "../report/secrets.ts";

/** Characters that are gathered before they are written. */
const PIECE = 64 * 1024;

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

export interface CliOutputOptions {
  readonly reveals?: boolean;
  readonly isOfTasks?: boolean;
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
    await this.#add(this.#mask(text));
  }

  /** Very many lines at a time. */
  async lines(texts: readonly string[]): Promise<void> {
    for (const text of texts) {
      this.#gathered += `${this.#mask(text)}\n`;
      if (this.#gathered.length >= PIECE) await this.flush();
    }
  }

  /** A line for programs. */
  async json(value: unknown): Promise<void> {
    await this.#add(jsonLine(value, this.#mask));
  }

  async #add(line: string): Promise<void> {
    this.#gathered += `${line}\n`;
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
