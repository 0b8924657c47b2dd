/** How many connections there may be at the same time, of all that serve sockets. */

import { openFilesCount, openFilesLimit } from "../platform/open_files.ts";
import type { Emit } from "../report/event.ts";
import type { ServerConfig } from "./settings.ts";

/** Of the files that may be open, this part may be connections: tasks and spools need some, too. */
const CONNECTIONS_PART = 0.75;
/** Left for work in any case: a command takes eight while it is started, a worker six. */
const FILES_FOR_WORK = 24;
const FEWEST_CONNECTIONS = 2;

/** Connections at the same time, of the event loop and of the service. */
export interface ConnectionShares {
  readonly loop: number;
  readonly service: number;
}

/** Who serves no socket needs no part; two share. */
export function sharesOf(
  most: number,
  { listeners }: ServerConfig,
  hasService: boolean,
): ConnectionShares {
  const isShared = hasService && new Set(listeners.map(({ tls }) => tls === null)).size > 1;
  if (!isShared) return { loop: most, service: most };
  const half = Math.ceil(most / 2);
  return { loop: Math.max(1, most - half), service: half };
}

/** @param open connections that there are already */
export function connectionLimit(
  { listeners, reception: { maxConnections } }: ServerConfig,
  emit: Emit,
  open: number,
): number {
  const files = openFilesLimit();
  const possible = files === null ? Infinity : Math.max(
    FEWEST_CONNECTIONS,
    Math.min(
      Math.floor(files * CONNECTIONS_PART),
      files + open - openFilesCount() - FILES_FOR_WORK,
    ),
  );
  if (maxConnections <= possible) return maxConnections;
  if (listeners.length > 0) {
    const message = `spooler-max-connections is ${possible}, not ${maxConnections}: this process ` +
      `may open ${files} files (ulimit -n)`;
    emit({ type: "config.warning", message });
  }
  return possible;
}
