/** What the manuals of several commands share. @pure */

export interface Manual {
  /** Behind `spooler`. */
  readonly usage: string;
  /** One or two sentences. */
  readonly about: string;
  readonly options: readonly (readonly [option: string, help: string])[];
  readonly examples: readonly string[];
}

export const INI = [
  "--ini FILE",
  "the spools of FILE (default: $SPOOLER_INI or $UWSGI_INI)",
] as const;
export const DIR = ["--dir DIR", "this spool directory"] as const;
/** Of the commands that take a stream of NATS, too. */
export const DIR_OR_STREAM = [
  "--dir DIR",
  "this spool directory, or nats://HOST:PORT/STREAM with the login of --ini",
] as const;
export const JSON_LINES = ["--json", "one line of JSON for each task"] as const;
export const JSON_SPOOLS = ["--json", "one line of JSON for each spool"] as const;
export const NAMES =
  "A NAME is a task's file name, with or without uwsgi_spoolfile_on_, or PRIORITY/NAME, or " +
  "its whole path. failed/NAME means the one in failed/. The beginning of a name, or its last " +
  "digits, are enough where no other task has them.";
export const STREAM_NAMES = "In a stream a NAME is NUMBER, failed/NUMBER, or an id.";
