/** What the ini says of the program as a daemon. @pure */

import type { Place } from "../platform/problem.ts";

export interface DaemonConfig {
  /** How long a stop waits for what runs before it ends it. */
  readonly mercyMs: number;
  /** Who the program becomes once its sockets are open; null stays who it is. */
  readonly identity: IdentityConfig | null;
  /** Orphans among its descendants become its children, whose ends it waits for. */
  readonly reaps: boolean;
  /** Of files that tasks and jobs make; null is what the program was started with. */
  readonly umask: number | null;
  readonly pidFiles: readonly PidFile[];
  /** Goes to the background and logs to this file. Absolute. */
  readonly daemonize: string | null;
  /** Files whose change makes the program reload. Absolute. */
  readonly touchReload: readonly string[];
}

/** `uid`, `gid` and `add-gid`. */
export interface IdentityConfig {
  readonly user: IdentityName | null;
  readonly group: IdentityName | null;
  readonly moreGroups: readonly IdentityName[];
}

/** A name or a number, as given. */
export interface IdentityName {
  readonly name: string;
  readonly place: Place;
}

export interface PidFile {
  /** Absolute. */
  readonly path: string;
  /** Whether it is written before the program changes its user, or after. */
  readonly isEarly: boolean;
}
