/** The command line is wrong: one line for the person who typed it, and exit code 2. @pure */
export class UsageError extends Error {
  override name = "UsageError";
}
