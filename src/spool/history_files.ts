/**
 * The files of a history: segments, numbered by their first entry, each a file of entries with, where output is kept, a
 * directory of what its runs printed beside it, and `running/` with the output of what still runs. Several
 * programs may use one history: whoever makes or removes a segment does it in one call, and comes too
 * late for nothing. Without output no directory is made or removed, which costs milliseconds on ext4.
 */

import { joined } from "../platform/bytes.ts";
import type { Claim } from "./claim.ts";
import { type SpoolDirectory, TASK_MODE } from "./directory.ts";
import { writeAllSync } from "./files.ts";

const RUNNING = "running";
const PROGRAM_PREFIX = "program_";
/** Of the directory with the output of a segment. */
const OUTPUT_ENDING = ".output";
/** Of the number of a segment at least, so that a listing has them in order. */
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

  /**
   * For who has found no runs.
   *
   * @throws {Deno.errors.PermissionDenied} when there may be some that this user may not read
   */
  mustBeReadable(): void {
    try {
      Deno.readDirSync(this.dir);
    } catch (error) {
      if (!(error instanceof Deno.errors.PermissionDenied)) return;
      throw new Deno.errors.PermissionDenied(`read ${this.dir}: permission denied`);
    }
  }

  /** The segments, oldest first. */
  segments(): string[] {
    const files = [...this.spool.entries.list(this.dir)].flat()
      .filter(({ kind }) => kind === "file" || kind === "unknown");
    return files.map(({ name }) => name).filter((name) => /^\d+$/.test(name))
      .toSorted((a, b) => Number(a) - Number(b));
  }

  #names(dir: string): string[] {
    return [...this.spool.entries.list(dir)].flatMap((entries) => entries.map(({ name }) => name));
  }

  /** Of the entries of a segment; null when there are none. */
  stat(segment: string): SegmentStat | null {
    return this.spool.claims.lstat(`${this.dir}/${segment}`);
  }

  /**
   * The entries of a segment from a byte on; empty when they are gone, or are not to be believed.
   *
   * @throws {Deno.errors.PermissionDenied}
   */
  read(segment: string, from = 0): Uint8Array<ArrayBuffer> {
    return this.#read(`${this.dir}/${segment}`, from) ?? new Uint8Array(0);
  }

  /** Kept output; null when it is gone. */
  readOutput(segment: string, file: string): Uint8Array<ArrayBuffer> | null {
    return this.#read(`${this.#outputDir(segment)}/${file}`, 0);
  }

  #read(path: string, from: number, most = Infinity): Uint8Array<ArrayBuffer> | null {
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
      const bytes = new Uint8Array(Math.min(most, Math.max(0, file.stat.size - from)));
      return bytes.subarray(0, file.read(bytes, from));
    } finally {
      file.close();
    }
  }

  #outputDir(segment: string): string {
    return `${this.dir}/${segment}${OUTPUT_ENDING}`;
  }

  /** Makes the segment that begins with this entry, 1 for the first of all; it may be there already. */
  makeSegment(first: number): string {
    const segment = String(first).padStart(DIGITS, "0");
    if (first === 1) this.#makeDirectory(this.dir);
    const how = { append: true, create: true } as const;
    this.#write(`${this.dir}/${segment}`, new Uint8Array(0), how);
    return segment;
  }

  /** Nothing of a history is synced. */
  #makeDirectory(path: string): void {
    this.spool.files.mkdirSync(path, 0o750);
  }

  /**
   * @param pieces asked for when the segment is open, each when the one before is written
   * @returns how many bytes they were
   * @throws {Deno.errors.NotFound} when the segment is gone
   */
  append(segment: string, pieces: Iterable<Uint8Array>): number {
    const options = { write: true, append: true, mode: TASK_MODE };
    using file = this.spool.files.openSync(`${this.dir}/${segment}`, options);
    let size = 0;
    for (const bytes of pieces) {
      writeAllSync(file, bytes);
      size += bytes.length;
    }
    return size;
  }

  /** Puts entries in front of those of a segment; who reads it meanwhile has either. */
  prepend(segment: string, bytes: Uint8Array): void {
    this.#replace(`${this.dir}/${segment}`, joined([bytes, this.read(segment)]));
  }

  #replace(path: string, bytes: Uint8Array): void {
    this.spool.removeIfThere(`${path}~`);
    this.#write(`${path}~`, bytes, { createNew: true });
    this.spool.files.renameSync(`${path}~`, path);
  }

  #write(
    path: string,
    bytes: Uint8Array,
    how: { readonly append?: true; readonly create?: true; readonly createNew?: true },
  ): void {
    using file = this.spool.files.openSync(path, { write: true, mode: TASK_MODE, ...how });
    writeAllSync(file, bytes);
  }

  putOutput(segment: string, file: string, bytes: Uint8Array): void {
    const dir = this.#outputDir(segment);
    try {
      this.#write(`${dir}/${file}`, bytes, { createNew: true });
    } catch (error) {
      // It is the first of its segment.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      this.#makeDirectory(dir);
      this.#write(`${dir}/${file}`, bytes, { createNew: true });
    }
  }

  /** Removes a segment with its output. */
  drop(segment: string): void {
    this.spool.removeIfThere(`${this.dir}/${segment}`);
    const dir = this.#outputDir(segment);
    if (this.spool.exists(dir)) this.#removeOutput(dir);
  }

  #removeOutput(dir: string): void {
    for (const file of this.#names(dir)) this.spool.removeIfThere(`${dir}/${file}`);
    this.spool.files.removeDirectorySync(dir);
  }

  /** Removes the output of segments that are gone. */
  clean(): void {
    const dirs = this.#names(this.dir).filter((name) => name.endsWith(OUTPUT_ENDING));
    const segments = new Set(this.segments());
    for (const name of dirs) {
      const segment = name.slice(0, -OUTPUT_ENDING.length);
      if (!segments.has(segment)) this.#removeOutput(`${this.dir}/${name}`);
    }
  }

  /** The names of files with output of what runs, or of what a program ran that has died. */
  running(): string[] {
    return this.#names(`${this.dir}/${RUNNING}`).filter((name) => !name.startsWith(PROGRAM_PREFIX));
  }

  /** @param most so many bytes from its beginning */
  readRunning(file: string, most = Infinity): Uint8Array<ArrayBuffer> | null {
    return this.#read(`${this.dir}/${RUNNING}/${file}`, 0, most);
  }

  appendRunning(file: string, bytes: Uint8Array): void {
    this.#write(`${this.dir}/${RUNNING}/${file}`, bytes, { append: true, create: true });
  }

  /** What reads the file meanwhile has either the old or the new. */
  replaceRunning(file: string, bytes: Uint8Array): void {
    this.#replace(`${this.dir}/${RUNNING}/${file}`, bytes);
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
