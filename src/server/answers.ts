/**
 * The answers of one connection: each is known when its task is on disk, and all go out in the order
 * of their packets. Answers that are known at the same time share one write.
 */

import type { PeerStream } from "./stream.ts";

interface Slot {
  /** Null until it is known. */
  bytes: Uint8Array | null;
}

export class AnswerQueue {
  readonly #slots: Slot[] = [];
  #writing = false;
  #failure: { readonly error: unknown } | null = null;
  #changed = Promise.withResolvers<void>();

  /** @param onWrite called before each write with true and after it with false */
  constructor(
    private readonly stream: PeerStream,
    private readonly onWrite: (isWriting: boolean) => void,
  ) {}

  /** Answers that have not been written yet. */
  get open(): number {
    return this.#slots.length + (this.#writing ? 1 : 0);
  }

  /** The answer to the next packet. `answer` never rejects. */
  add(answer: Promise<Uint8Array>): void {
    const slot: Slot = { bytes: null };
    this.#slots.push(slot);
    answer.then((bytes) => {
      slot.bytes = bytes;
      this.#flush();
    });
  }

  /**
   * Resolves when fewer than `most` answers are open.
   *
   * @throws what the write of an answer threw
   */
  async fewerThan(most: number): Promise<void> {
    while (this.open >= most) {
      if (this.#failure) throw this.#failure.error;
      await this.#changed.promise;
    }
    if (this.#failure) throw this.#failure.error;
  }

  /** Writes what is known and next in order, unless a write is under way: that goes on by itself. */
  #flush(): void {
    if (this.#writing || this.#failure) return;
    const known = this.#takeKnown();
    if (known === null) return;
    this.#writing = true;
    this.onWrite(true);
    this.stream.write(known).then(
      () => {
        this.#writing = false;
        this.onWrite(false);
        this.#flush();
        this.#tell();
      },
      (error) => {
        this.#writing = false;
        this.#failure = { error };
        this.onWrite(false);
        this.#tell();
      },
    );
  }

  #takeKnown(): Uint8Array | null {
    const unknown = this.#slots.findIndex(({ bytes }) => bytes === null);
    const known = this.#slots.splice(0, unknown === -1 ? this.#slots.length : unknown)
      .flatMap(({ bytes }) => bytes ?? []);
    const [first] = known;
    if (first === undefined || known.length === 1) return first ?? null;
    const joined = new Uint8Array(known.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const bytes of known) {
      joined.set(bytes, at);
      at += bytes.length;
    }
    return joined;
  }

  #tell(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}
