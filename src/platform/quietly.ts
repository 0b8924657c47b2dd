/** Asks the system what the program can do without. */

/** Undefined where the answer is an error. */
export function quietly<T>(ask: () => T): T | undefined {
  try {
    return ask();
  } catch {
    return undefined;
  }
}

/** The text of a file; undefined when it is gone, or may not be read. */
export function textOf(path: string): string | undefined {
  return quietly(() => Deno.readTextFileSync(path));
}
