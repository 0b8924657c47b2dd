/** The command line is wrong: one line for the person who typed it, and exit code 2. */
export class UsageError extends Error {
  override name = "UsageError";
}

/** What `error` says, without its stack. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
