/** What one row of the option table says. @pure */

export interface OptionRow {
  readonly name: string;
  /** Other names uWSGI has for it. */
  readonly aliases?: readonly string[];
  /** One letter for the command line, as uWSGI has it. */
  readonly short?: string;
  /** What stands behind `=`, for people; absent for a flag. */
  readonly value?: string;
  readonly kind: OptionKind;
  /** Who made the option up: uWSGI, or this program. */
  readonly origin: "uwsgi" | "ours";
  readonly standing: Standing;
  /** For a planned option: why an ini with it is refused rather than only warned about. */
  readonly risk?: string;
  readonly fallback?: string;
  /** Without a value it is as if it were not there, as uWSGI goes on with an empty one. */
  readonly mayBeEmpty?: true;
  /** Its value is never printed. */
  readonly secret?: true;
  /** One line. */
  readonly help: string;
}

/**
 * - flag: true unless it says false, off, no or 0
 * - integer, seconds: a number; uWSGI stops reading where the digits end
 * - text, path, address: a string, taken whole
 * - module: a file or a module's name, which ends at the first space
 * - command: the rest of the line, for a shell
 */
export type OptionKind =
  | "flag"
  | "integer"
  | "seconds"
  | "text"
  | "path"
  | "address"
  | "module"
  | "command";

/**
 * - honoured: the program acts on it
 * - dialect: it shapes the ini itself while it is read (ini, for, if-env, …)
 * - planned: known and meant to be honoured, but not acted on by this version
 */
export type Standing = "honoured" | "dialect" | "planned";
