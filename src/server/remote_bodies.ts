/** The bodies of tasks whose connections another thread has: it sends each piece when it is wanted. */

import type { IncomingBody } from "./body.ts";
import type { RefusalText } from "./intake_messages.ts";
import { refusalFrom } from "./refusal_text.ts";

type Piece = Uint8Array | null | RefusalText;

export class RemoteBodies {
  /** By call: who waits for a piece. */
  readonly #waiting = new Map<number, (piece: Piece) => void>();

  constructor(private readonly want: (call: number) => void) {}

  open(call: number, size: number): IncomingBody {
    return { size, pieces: () => this.#pieces(call) };
  }

  take(call: number, piece: Piece): void {
    this.#waiting.get(call)?.(piece);
    this.#waiting.delete(call);
  }

  close(call: number): void {
    this.#waiting.delete(call);
  }

  async *#pieces(call: number): AsyncGenerator<Uint8Array> {
    while (true) {
      const coming = Promise.withResolvers<Piece>();
      this.#waiting.set(call, coming.resolve);
      this.want(call);
      const piece = await coming.promise;
      if (piece === null) return;
      if (!(piece instanceof Uint8Array)) throw refusalFrom(piece);
      yield piece;
    }
  }
}
