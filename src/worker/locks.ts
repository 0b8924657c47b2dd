/**
 * uWSGI's numbered locks for task code: each caller waits for its turn, and what a dead worker held
 * is free.
 *
 * @pure
 */

interface Lock<Holder> {
  holder: Holder;
  readonly waiting: { readonly who: Holder; readonly resolve: () => void }[];
}

export class Locks<Holder> {
  readonly #locks = new Map<number, Lock<Holder>>();

  isHeld(number: number): boolean {
    return this.#locks.has(number);
  }

  /** Resolves when the lock is the caller's; at once when it has it already. */
  lock(number: number, who: Holder): Promise<void> {
    const lock = this.#locks.get(number);
    if (lock === undefined) {
      this.#locks.set(number, { holder: who, waiting: [] });
      return Promise.resolve();
    }
    if (lock.holder === who) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    lock.waiting.push({ who, resolve });
    return promise;
  }

  /** Lets the next one have it; nothing when it is not the caller's. */
  unlock(number: number, who: Holder): void {
    const lock = this.#locks.get(number);
    if (lock?.holder !== who) return;
    const next = lock.waiting.shift();
    if (next === undefined) this.#locks.delete(number);
    else {
      lock.holder = next.who;
      next.resolve();
    }
  }

  /** A holder is no more: it waits for nothing, and what it held goes on. */
  forget(who: Holder): void {
    for (const [number, lock] of this.#locks) {
      const others = lock.waiting.filter((each) => each.who !== who);
      lock.waiting.splice(0, lock.waiting.length, ...others);
      this.unlock(number, who);
    }
  }
}
