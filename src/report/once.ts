/** Messages that are worth one line each, however often they come up. @pure */

/** What is forgotten may be said once more. */
const MOST_REMEMBERED = 1000;

export class Once {
  readonly #said = new Set<string>();

  /** Whether a message has not been said yet; from then on it has. */
  isFirst(message: string): boolean {
    if (this.#said.has(message)) return false;
    if (this.#said.size >= MOST_REMEMBERED) {
      const [oldest] = this.#said;
      if (oldest !== undefined) this.#said.delete(oldest);
    }
    this.#said.add(message);
    return true;
  }
}
