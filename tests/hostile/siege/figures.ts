/** What a siege has measured: a line each, and how many are out of their bounds. */

export class Figures {
  readonly #broken: string[] = [];
  #checked = 0;

  /** @param isGood null is a figure without a bound */
  add(name: string, text: string, isGood: boolean | null = null): void {
    const mark = isGood === null ? "      " : isGood ? "ok    " : "FAILED";
    console.log(`${mark} ${name.padEnd(52)} ${text}`);
    if (isGood !== null) this.#checked++;
    if (isGood === false) this.#broken.push(name);
  }

  /** @returns the exit code */
  conclude(): number {
    const broken = this.#broken;
    const result = broken.length === 0 ? "PASS" : `FAIL: ${broken.join("; ")}`;
    console.log(
      `\n${this.#checked - broken.length} of ${this.#checked} within their bounds. ${result}`,
    );
    return broken.length === 0 ? 0 : 1;
  }
}
