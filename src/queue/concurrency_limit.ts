/**
 * A limit of the tasks that run at the same time, where that changes: a forward spool whose targets are
 * all down starts none, and is woken when one is back.
 */
export interface ConcurrencyLimit {
  /** Tasks that may run at the same time now. */
  readonly limit: number;
  /** `listener` is called whenever the limit has changed. */
  onChange(listener: () => void): void;
}
