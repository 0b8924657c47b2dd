/** `spooler-frequency` of one spool, which task code may change while the program runs. @pure */
export class Frequency {
  /** Between two scans of the directory, and before a task that asked for it runs again. */
  ms: number;

  constructor(ms: number) {
    this.ms = ms;
  }
}
