/** What the ini says of the log. @pure */

import type { Level } from "./level.ts";

export interface LogConfig {
  readonly format: "text" | "json";
  /** Nothing is logged about a task that goes well. */
  readonly quiet: boolean;
  /** What matters less is not logged. */
  readonly level: Level;
  /** In place of stderr; null is stderr. */
  readonly file: LogFileConfig | null;
  /** In place of stderr and a file. */
  readonly loggers: readonly LoggerConfig[];
  readonly routes: readonly LogRoute[];
  /** Files whose change makes the log open its file anew, or rotate it. Absolute. */
  readonly touchReopen: readonly string[];
  readonly touchRotate: readonly string[];
}

export interface LogFileConfig {
  /** Absolute. */
  readonly path: string;
  /** Opened only when the program has changed its user. */
  readonly isLate: boolean;
  /** It is rotated when it has grown beyond this; null is never. */
  readonly maxBytes: number | null;
  /** What the rotated file is called; null is its name with the time. Absolute. */
  readonly backup: string | null;
  /** A reload opens it anew. */
  readonly reopens: boolean;
}

/** A logger with a name has only the lines that are routed to it. */
export type LoggerConfig = LoggerPlace & {
  readonly id: string | null;
};

/** `log-route`: lines that match go to the loggers of this name, and to no other. */
export interface LogRoute {
  readonly logger: string;
  readonly pattern: RegExp;
}

type LoggerPlace =
  /** `name` and `facility` as in openlog(3). */
  | { readonly kind: "syslog"; readonly name: string; readonly facility: number }
  | { readonly kind: "file"; readonly path: string }
  /** Each line is a datagram. */
  | { readonly kind: "udp"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string };
