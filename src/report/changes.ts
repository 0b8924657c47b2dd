/** What is worth a line only when it differs from what was last said of the same thing. @pure */

/** Of what is forgotten, the same may be said once more. */
const MOST_REMEMBERED = 10_000;

export class Changes {
  readonly #last = new Map<string, string>();

  /** Whether something else, or nothing, was said of it before; from now on it is this. */
  isNews(about: string, message: string): boolean {
    if (this.#last.get(about) === message) return false;
    if (this.#last.size >= MOST_REMEMBERED) {
      const [oldest] = this.#last.keys();
      if (oldest !== undefined) this.#last.delete(oldest);
    }
    this.#last.set(about, message);
    return true;
  }

  forget(about: string): void {
    this.#last.delete(about);
  }
}
