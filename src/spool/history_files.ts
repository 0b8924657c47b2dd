/**
 * The files of a history: numbered segments, each a directory with `entries` and the output of its runs,
 * and `running/` with the output of what still runs. Several programs may use one history: whoever makes
 * or removes a segment does it in one call, and comes too late for nothing.
 */

import type { Claim } from "./claim.ts";
import { type SpoolDirectory, TASK_MODE } from "./directory.ts";

const ENTRIES = "entries";
const RUNNING = "running";
const PROGRAM_PREFIX = "program_";
/** A segment that is being removed. */
const GONE_ENDING = ".gone";
/** Of the number of a segment, so that they are in order as text, too. */
const DIGITS = 10;

export interface SegmentStat {
  readonly size: number;
  readonly mtimeMs: number;
}

export class HistoryFiles {
  #claim: Claim | null = null;
  #program: string | null = null;

  /** @param dir its directory, in the directory of `spool` */
  constructor(private readonly spool: SpoolDirectory, readonly dir: string) {}

  /** The segments, oldest first. */
  segments(): string[] {
    return this.#names(this.dir).filter((name) => /^\d+$/.test(name)).toSorted();
  }

  #names(dir: string): string[] {
    return [...this.spool.entries.list(dir)].flatMap((entries) => entries.map(({ name }) => name));
  }

  /** Of the entries of a segment; null when there are none. */
  stat(segment: string): SegmentStat | null {
    return this.spool.claims.lstat(`${this.dir}/${segment}/${ENTRIES}`);
  }

  /**
   * The entries of a segment from a byte on; empty when they are gone, or are not to be believed.
   *
   * @throws {Deno.errors.PermissionDenied}
   */
  read(segment: string, from = 0): Uint8Array<ArrayBuffer> {
    return this.#read(`${this.dir}/${segment}/${ENTRIES}`, from) ?? new Uint8Array(0);
  }

  /** Kept output; null when it is gone. */
  readOutput(segment: string, file: string): Uint8Array<ArrayBuffer> | null {
    return this.#read(`${this.dir}/${segment}/${file}`, 0);
  }

  #read(path: string, from: number): Uint8Array<ArrayBuffer> | null {
    const file = this.spool.claims.peek(path);
    if (file.kind === "gone") return null;
    if (file.kind === "unusable") {
      if (file.reason === "permission denied") {
        throw new Deno.errors.PermissionDenied(`open ${path}: permission denied`);
      }
      return null;
    }
    try {
      if (!this.spool.claims.trusts(file.stat.uid)) return null;
      const bytes = new Uint8Array(Math.max(0, file.stat.size - from));
      return bytes.subarray(0, file.read(bytes, from));
    } finally {
      file.close();
    }
  }

  /** Makes the segment behind another, or the first; it may be there already. */
  makeSegment(last: string | undefined): string {
    const segment = String(Number(last ?? 0) + 1).padStart(DIGITS, "0");
    this.#makeDirectory(this.dir);
    this.#makeDirectory(`${this.dir}/${segment}`);
    return segment;
  }

  /** Nothing of a history is synced. */
  #makeDirectory(path: string): void {
    this.spool.files.mkdirSync(path, 0o750);
  }

  /** @throws {Deno.errors.NotFound} when the segment is gone */
  append(segment: string, bytes: Uint8Array): void {
    this.#write(`${this.dir}/${segment}/${ENTRIES}`, bytes, { append: true, create: true });
  }

  #write(
    path: string,
    bytes: Uint8Array,
    how: { readonly append?: true; readonly create?: true; readonly createNew?: true },
  ): void {
    using file = this.spool.files.openSync(path, { write: true, mode: TASK_MODE, ...how });
    for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
  }

  /** @throws {Deno.errors.NotFound} when the segment is gone */
  putOutput(segment: string, file: string, bytes: Uint8Array): void {
    this.#write(`${this.dir}/${segment}/${file}`, bytes, { createNew: true });
  }

  /** Removes a segment with its output. */
  drop(segment: string): void {
    this.clean();
    try {
      this.spool.files.renameSync(
        `${this.dir}/${segment}`,
        `${this.dir}/${segment}${GONE_ENDING}`,
      );
    } catch (error) {
      // Another program was faster, or it was removed once before and is back.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    this.clean();
  }

  /** Removes what is left of segments. */
  clean(): void {
    for (const name of this.#names(this.dir)) {
      if (!name.endsWith(GONE_ENDING)) continue;
      const path = `${this.dir}/${name}`;
      for (const file of this.#names(path)) this.spool.removeIfThere(`${path}/${file}`);
      this.spool.files.removeDirectorySync(path);
    }
  }

  /** The names of files with output of what runs, or of what a program ran that has died. */
  running(): string[] {
    return this.#names(`${this.dir}/${RUNNING}`).filter((name) => !name.startsWith(PROGRAM_PREFIX));
  }

  readRunning(file: string): Uint8Array<ArrayBuffer> | null {
    return this.#read(`${this.dir}/${RUNNING}/${file}`, 0);
  }

  appendRunning(file: string, bytes: Uint8Array): void {
    this.#write(`${this.dir}/${RUNNING}/${file}`, bytes, { append: true, create: true });
  }

  /** What reads the file meanwhile has either the old or the new. */
  replaceRunning(file: string, bytes: Uint8Array): void {
    const path = `${this.dir}/${RUNNING}/${file}`;
    this.spool.removeIfThere(`${path}~`);
    this.#write(`${path}~`, bytes, { createNew: true });
    this.spool.files.renameSync(`${path}~`, path);
  }

  removeRunning(file: string): void {
    this.spool.removeIfThere(`${this.dir}/${RUNNING}/${file}`);
  }

  /**
   * What the names of this program's files in `running/` begin with: a file of that name is locked while
   * the program lives. Null where that cannot be.
   *
   * @param unique a number that no other program of this process id has
   */
  program(unique: number): string | null {
    if (this.#program !== null) return this.#program;
    const program = `${Deno.pid}-${unique}`;
    this.#makeDirectory(this.dir);
    this.#makeDirectory(`${this.dir}/${RUNNING}`);
    const path = `${this.dir}/${RUNNING}/${PROGRAM_PREFIX}${program}`;
    this.#write(path, new Uint8Array(0), { createNew: true });
    const claim = this.spool.claims.claim(path, Infinity);
    if (claim.kind !== "claimed") return null;
    this.#claim = claim;
    return this.#program = program;
  }

  /** The files in `running/` whose program has died; each is some caller's alone. */
  orphans(): string[] {
    const dir = `${this.dir}/${RUNNING}`;
    const names = this.#names(dir);
    const isAlive = (program: string) => {
      if (program === this.#program) return true;
      const path = `${dir}/${PROGRAM_PREFIX}${program}`;
      const file = this.spool.claims.peek(path);
      if (file.kind !== "open") return false;
      file.close();
      if (!file.locked) this.spool.removeIfThere(path);
      return file.locked;
    };
    const programs = new Map<string, boolean>();
    return names.filter((name) => {
      const [program = ""] = name.replace(PROGRAM_PREFIX, "").split("_");
      if (!programs.has(program)) programs.set(program, isAlive(program));
      return programs.get(program) === false && !name.startsWith(PROGRAM_PREFIX);
    });
  }

  /** Nothing of this program runs any more. */
  close(): void {
    if (this.#program === null) return;
    this.spool.removeIfThere(`${this.dir}/${RUNNING}/${PROGRAM_PREFIX}${this.#program}`);
    this.#claim?.release();
    this.#claim = this.#program = null;
  }
}
