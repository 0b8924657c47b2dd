/** What an ini says about task modules and their workers. Types only. */

import type { OptionLine, Place } from "../platform/problem.ts";
import type { TaskCommand } from "../exec/settings.ts";
import type { SpoolConfig } from "../queue/settings.ts";

/** A file or a Python module whose functions run tasks. */
export interface TaskModule {
  readonly language: "javascript" | "python";
  /** By its path, by its name as Python knows it, or by what the ini has of it. */
  readonly kind: "file" | "module" | "code";
  /** An absolute path for `file`. */
  readonly name: string;
  /** A path as the ini has it: Python files are searched below the working directory first. */
  readonly written: string;
  /** A web application: what cannot be loaded of it stops no other module. */
  readonly isApp: boolean;
  /** For `code`. */
  readonly code?: string;
  /** Another name under which Python finds it. */
  readonly alias?: string;
  /** The function of an application's module that makes it, and is called; otherwise null. */
  readonly factory: string | null;
  readonly place: Place;
}

/** `spooler-uid`: who runs the code of tasks. */
export interface SpoolerUser {
  readonly user: string;
  readonly place: Place;
  readonly userOption: OptionLine;
}

/** Task modules, and how their workers live. */
export interface CodeConfig {
  /** In the order of the ini. */
  readonly modules: readonly TaskModule[];
  /** Who runs it (`spooler-uid`); null is the program's own user. */
  readonly user: SpoolerUser | null;
  /** Tasks after which a worker makes room for a fresh one; null is never. */
  readonly maxTasks: number | null;
  /** No workers while there is nothing to do. */
  readonly cheap: boolean;
  /** Files whose change means fresh workers. Absolute. */
  readonly touchReload: readonly string[];
  /** Every option as given, for `uwsgi.opt`; true for one without a value. */
  readonly options: readonly (readonly [name: string, value: string | true])[];
}

/** The Python of task code. */
export interface PythonConfig {
  /** A path, or a name to be found in PATH. */
  readonly command: string;
  /** Directories for modules, in the order of the ini; absolute, perhaps with wildcards. */
  readonly paths: readonly string[];
}

/** What the workers of all spools need of the configuration. */
export interface WorkersConfig {
  readonly code: CodeConfig;
  readonly python: PythonConfig;
  /** Where relative paths start: the ini's directory. */
  readonly baseDir: string;
  /** Added to the program's own environment; null takes a variable out of it. */
  readonly env: Readonly<Record<string, string | null>>;
  readonly spools: readonly Pick<SpoolConfig, "dir">[];
  /** Their functions are for commands, and not for a catch-all of task code. */
  readonly tasks: readonly Pick<TaskCommand, "name">[];
}
