/** What `error` says, without its stack. @pure */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
