/** What the ini says of the program as a daemon. @pure */

export interface DaemonConfig {
  /** How long a stop waits for what runs before it ends it. */
  readonly mercyMs: number;
}
