/**
 * What tells a dispatcher how many tasks make sense at the same time, where that changes: a forward
 * spool whose targets are all down starts none, and is woken when one is back.
 */
export interface Gate {
  /** Tasks that may run at the same time now; 0 is none. */
  readonly limit: number;
  /** `listener` is called whenever the limit has changed. */
  onChange(listener: () => void): void;
}
