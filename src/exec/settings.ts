/** What an ini says about the commands that run tasks. Types only. */

import type { OptionLine, Place } from "../platform/problem.ts";

/** `spooler-task`: a shell command that runs a task. */
export interface TaskCommand {
  /** The function it is for; null takes what no other handler needs. */
  readonly name: string | null;
  readonly command: string;
  readonly place: Place;
  /** The account that runs it, a name or a number; null is the program's own. */
  readonly user: string | null;
  /** The option that names the user for all commands; absent is `user=` of this one. */
  readonly userOption?: OptionLine;
  /** What its stdin gets: the raw body, or the whole task as one line of JSON. */
  readonly stdin: "body" | "json";
  /** Of this task at the same time, in each spool; null is as many as the spool runs. */
  readonly processes: number | null;
  /** With the same value of a key at the same time; absent is without such a limit. */
  readonly perKey?: { readonly key: string; readonly processes: number };
  /** In place of the spool's; absent is the spool's. */
  readonly harakiriMs?: number | null;
  /** In place of the spool's. */
  readonly maxRetries?: number;
}

/** What holds for every command: of tasks, of jobs, and of what follows their failures. */
export interface CommandSettings {
  /** Added to the program's own environment; null takes a variable out of it. */
  readonly env: Readonly<Record<string, string | null>>;
  /** The shell. */
  readonly binsh: string;
}
