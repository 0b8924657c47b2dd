/** What comes of an operator's wish to end a run. Types only. @pure */

import type { Fate } from "../task/fate.ts";

export type KillResult =
  /**
   * The run is over, and what became of the task is on disk; `done` when it was faster. Null is a fate that
   * could not be written.
   */
  | { readonly kind: "ended"; readonly fate: Fate["kind"] | null }
  /** The state that it is in; null for one that is not known here. */
  | { readonly kind: "not running"; readonly state: string | null }
  | { readonly kind: "refused"; readonly reason: string };
