/** When a spool refuses new tasks. */
export interface SpoolLimits {
  /** Tasks in the directory; null is any number. */
  readonly maxFiles: number | null;
  /** Room that must be left on its file system. */
  readonly minFreeBytes: number | null;
}
