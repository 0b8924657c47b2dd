/**
 * Which tasks make the peer hang up. A task is to blame only when the peer answers others and hangs up
 * at this one again: until another task has got through, the target may be what is broken.
 *
 * @pure
 */

interface Suspicion {
  /** Times in a row that the connection broke when this task had to be answered. */
  breaks: number;
  /** Answers of the peer to other tasks before the first of them. */
  readonly answersBefore: number;
}

/** So many breaks, and an answer to another task since the first, prove it. */
const BLAME = 3;
/** So many prove it without: the peer answers its pings, and there is no other task to try. */
const BLAME_ALONE = 10;
/** More are not remembered: what makes the peer hang up is then no task. */
const MOST_SUSPECTS = 64;

export class Suspects {
  readonly #byId = new Map<string, Suspicion>();
  #answers = 0;

  /** Times in a row that the connection broke at this task. */
  breaksOf(id: string): number {
    return this.#byId.get(id)?.breaks ?? 0;
  }

  /** The connection broke when the peer had to answer this task. */
  broke(id: string): void {
    const suspicion = this.#byId.get(id);
    if (suspicion) suspicion.breaks++;
    else this.#byId.set(id, { breaks: 1, answersBefore: this.#answers });
    if (this.#byId.size <= MOST_SUSPECTS) return;
    const [oldest] = this.#byId.keys();
    if (oldest !== undefined) this.#byId.delete(oldest);
  }

  /** The peer answered this task. */
  answered(id: string): void {
    this.#answers++;
    this.#byId.delete(id);
  }

  /**
   * Whether a task is to blame for its breaks.
   *
   * @param answersPings the peer is one that shows by its ping reply that it accepts tasks
   */
  isGuilty(id: string, answersPings: boolean): boolean {
    const suspicion = this.#byId.get(id);
    if (suspicion === undefined) return false;
    const { breaks, answersBefore } = suspicion;
    if (breaks >= BLAME && this.#answers > answersBefore) return true;
    return answersPings && breaks >= BLAME_ALONE;
  }

  /** It has taken the blame: the next time it is as good as any other. */
  forget(id: string): void {
    this.#byId.delete(id);
  }
}
