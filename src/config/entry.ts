/** One option as it was given, wherever it was given. @pure */

import type { Place } from "../platform/problem.ts";

export interface Entry {
  readonly key: string;
  /** Expanded. Empty for a bare key. */
  readonly value: string;
  readonly place: Place;
  /** Where relative paths in the value start; absent: at the ini's directory. */
  readonly base?: string;
  /** From `set-placeholder`: a name for others to use, never an option. */
  readonly placeholder?: true;
  /** A flag of the command line: without a value, and no placeholder can use it. */
  readonly valueless?: true;
}
