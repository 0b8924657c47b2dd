/** What a command says: lines to stdout in large pieces, complaints to stderr. */

import { safeLine } from "../report/safe_text.ts";

/** Characters that are gathered before they are written. */
const PIECE = 64 * 1024;

/** Lines for stdout. The caller ends it with {@link flush}. */
export class CliOutput {
  #gathered = "";
  #closed = false;

  /** Nobody reads any more (`| head`): there is no use in going on. */
  get closed(): boolean {
    return this.#closed;
  }

  async line(text: string): Promise<void> {
    this.#gathered += `${text}\n`;
    if (this.#gathered.length >= PIECE) await this.flush();
  }

  async flush(): Promise<void> {
    const bytes = new TextEncoder().encode(this.#gathered);
    this.#gathered = "";
    await this.bytes(bytes);
  }

  /** Raw bytes, as they are. */
  async bytes(bytes: Uint8Array): Promise<void> {
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

/** A line for people, beside what programs read. */
export function note(text: string): void {
  console.error(`spooler: ${safeLine(text)}`);
}
