/** How a schedule reaches the handlers of signals in task code. Types only. */

/**
 * Handlers that task code has registered for uWSGI's signals. With an owner only the handlers of its
 * code are meant, without one those of any.
 */
export interface SignalHandlers {
  has(signal: number, owner: string | null): boolean;
  /**
   * Resolves when the handler has run; rejects when it failed, or, with an InterruptedError, ended
   * with the program.
   */
  raise(signal: number, owner: string | null, how: RaiseHow): Promise<void>;
}

export interface RaiseHow {
  /** The longest that the handler may take; null is what the workers' spool says. */
  readonly limitMs: number | null;
  /** Called when a worker begins the handler: all may be busy until then. */
  begun(): void;
  /** An operator may end it by this. */
  readonly abort?: AbortSignal;
}
