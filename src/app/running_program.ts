/** What there is of the running program, for what shows it and what acts on it. Types only. */

import type { Estate } from "./estate.ts";
import type { Life } from "./life.ts";

export interface RunningProgram {
  readonly estate: Estate;
  /** The present one. */
  life(): Life | null;
  /** With those that end what they run. */
  lives(): readonly Life[];
  isStopping(): boolean;
}
