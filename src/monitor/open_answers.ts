/**
 * Answers that are being written, all connections together: they have a limit, above which those go that
 * nobody reads.
 */

export interface AnswerWriter {
  /** Hangs up. */
  close(): void;
}

export class OpenAnswers {
  /** Their bytes, in the order in which their peers have last read of them. */
  readonly #open = new Map<AnswerWriter, number>();
  #bytes = 0;

  constructor(private readonly mostBytes: number) {}

  /** Where there is no room, those make it of which nothing has been read for the longest time. */
  begin(by: AnswerWriter, bytes: number): void {
    for (const other of this.#open.keys()) {
      if (this.#bytes + bytes <= this.mostBytes) break;
      this.end(other);
      other.close();
    }
    this.#open.set(by, bytes);
    this.#bytes += bytes;
  }

  /** Its peer has read a part of it. */
  moved(by: AnswerWriter): void {
    const bytes = this.#open.get(by);
    if (bytes === undefined) return;
    this.#open.delete(by);
    this.#open.set(by, bytes);
  }

  end(by: AnswerWriter): void {
    this.#bytes -= this.#open.get(by) ?? 0;
    this.#open.delete(by);
  }
}
