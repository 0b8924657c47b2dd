/** What task code may say of its progress. */

/** @throws {TypeError} for what is no number: it is the task's own mistake */
export function checkProgress(done: number, total?: number): void {
  for (const number of [done, total ?? 0]) {
    if (!Number.isFinite(number)) throw new TypeError(`progress needs numbers: ${number}`);
  }
}
