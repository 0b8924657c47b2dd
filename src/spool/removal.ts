/**
 * Whether a task could be removed when it is done: to be known before it runs, for what cannot be
 * removed would run again and again.
 */

import type { SpoolDirectory } from "./directory.ts";

/** What forbids the removal of files from one directory. */
interface Obstacles {
  /** Of every file. */
  readonly reason: string | null;
  /** Of files that are not this user's: the directory has the sticky bit and is another's. */
  readonly ofOthers: boolean;
  /** Monotonic. */
  readonly until: number;
}

/** A directory is asked about again after so long. */
const GOOD_FOR_MS = 1000;
const ROOT = 0;
/** S_ISVTX: only its owner, or a file's, may remove a file from the directory. */
const STICKY = 0o1000;

export class Removal {
  /** By directory. */
  readonly #known = new Map<string, Obstacles>();

  /** @param uid of this program */
  constructor(
    private readonly spool: Pick<SpoolDirectory, "clock" | "claims" | "whyUnwritable">,
    private readonly uid = Deno.uid() ?? ROOT,
  ) {}

  /** Why a file of this owner could not be removed; null when it could. */
  obstacle(dir: string, owner: number): string | null {
    const { reason, ofOthers } = this.#obstacles(dir);
    if (reason !== null) return `this user could not remove it when it is done: ${reason}`;
    if (!ofOthers || owner === this.uid) return null;
    return `this user could not remove it when it is done: it belongs to user ${owner}, and ${dir} has ` +
      "the sticky bit";
  }

  /** Whether every file of a directory could be removed, whatever its owner. */
  isFree(dir: string): boolean {
    const { reason, ofOthers } = this.#obstacles(dir);
    return reason === null && !ofOthers;
  }

  #obstacles(dir: string): Obstacles {
    const now = this.spool.clock.monotonic();
    const known = this.#known.get(dir);
    if (known && now < known.until) return known;
    const stat = this.spool.claims.lstat(dir);
    const ofOthers = stat !== null && (stat.mode & STICKY) !== 0 && this.uid !== ROOT &&
      stat.uid !== this.uid;
    const obstacles = {
      reason: this.spool.whyUnwritable(dir),
      ofOthers,
      until: now + GOOD_FOR_MS,
    };
    this.#known.set(dir, obstacles);
    return obstacles;
  }
}
