/** A number of permits: who finds none left waits its turn. @pure */

/** The right to use something that there is a number of. Given back once. */
export type Permit = Disposable;

export class Permits {
  #left: number;
  readonly #waiting: ((permit: Permit) => void)[] = [];

  constructor(readonly count: number) {
    this.#left = count;
  }

  get taken(): number {
    return this.count - this.#left;
  }

  /** Calls `granted` in the order of the calls, at once when one is free. */
  take(granted: (permit: Permit) => void): void {
    const permit = this.takeNow();
    if (permit !== null) granted(permit);
    else this.#waiting.push(granted);
  }

  /** Null when none is free, or another connection waits for one. */
  takeNow(): Permit | null {
    if (this.#left === 0) return null;
    this.#left--;
    return new HeldPermit(this.#takeBack);
  }

  readonly #takeBack = (): void => {
    const next = this.#waiting.shift();
    if (next === undefined) this.#left++;
    else next(new HeldPermit(this.#takeBack));
  };
}

/** A class, because an object with a method of that name takes the engine a microsecond to make. */
class HeldPermit implements Permit {
  #isHeld = true;

  constructor(private readonly takeBack: () => void) {}

  [Symbol.dispose](): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    this.takeBack();
  }
}
