/** What a configuration may ask the machine while it is read; tests have one in memory. @pure */

import type { Address } from "../wire/address.ts";
import type { Zone } from "../platform/zone.ts";

export interface ConfigHost {
  /** The working directory, absolute. */
  readonly cwd: string;
  readonly hostname: string;
  readonly uid: number;
  readonly gid: number;
  /** The names, or the numbers where there are none. */
  readonly user: string;
  readonly group: string;
  readonly cpus: number;
  /** Microseconds since the epoch. */
  readonly nowMicros: number;
  /** The running program, absolute. */
  readonly executable: string;
  /** Whether the program is reading its configuration again. */
  readonly isReload: boolean;
  readonly environment: ReadonlyMap<string, string>;

  /**
   * The bytes of a file; of standard input for `-`, of a descriptor for a number.
   *
   * @throws {HostError} when it cannot be read, has more than `maxBytes`, or takes too long
   */
  read(source: string | number, maxBytes: number): Promise<Uint8Array>;
  /**
   * What a shell command prints.
   *
   * @throws {HostError} when it prints more than `maxBytes`, or takes too long
   */
  run(command: string, maxBytes: number): Promise<Uint8Array>;
  /**
   * The zone that a value of TZ means here; undefined is where TZ is not set.
   *
   * @throws {SyntaxError} when there is no such zone
   */
  zone(tz: string | undefined): Zone;
  /** What a path is, behind symbolic links; undefined for nothing. */
  kindOf(path: string): "file" | "dir" | "other" | undefined;
  isLink(path: string): boolean;
  isReadable(path: string): boolean;
  inodeOf(path: string): number | undefined;
  /** Without symbolic links; undefined when there is nothing. */
  realPath(path: string): string | undefined;
  /**
   * Where the sockets listen that a service manager has handed over under this name; null, or no
   * function, when it has handed over no socket at all.
   */
  inherited?(name: string): readonly Address[] | null;
  /** The names in a directory; empty when it cannot be listed. */
  list(dir: string): readonly string[];
}

/** The machine could not give what was asked for; the message says why, without the name. */
export class HostError extends Error {
  override name = "HostError";
}
