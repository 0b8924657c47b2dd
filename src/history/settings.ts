/** What the ini says of the history. Types only. @pure */

/** What is kept of what runs print. */
export type KeptOutput = "all" | "failed" | "none";

/** How much a history keeps: so many runs, or the runs of so long. */
export type HistoryLimit =
  | { readonly kind: "runs"; readonly count: number }
  | { readonly kind: "time"; readonly ms: number };

export interface HistoryConfig {
  /** Null is no history. */
  readonly limit: HistoryLimit | null;
  readonly output: KeptOutput;
  /** Of the output of one run, in bytes of its file; of more the beginning and the end are kept. */
  readonly outputMax: number;
}
