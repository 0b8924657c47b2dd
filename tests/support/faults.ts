/** File operations that fail, or end the world, at the nth of them. */

import {
  createInSteps,
  type Files,
  type OpenFile,
  renameToNewInSteps,
  systemFiles,
} from "../../src/spool/files.ts";
import type { FakeClock } from "./clock.ts";

/**
 * What happens at the nth operation: `fails` throws once, as a full disk may, and all goes on;
 * `dies` throws then and at every later operation, so that nothing more is changed, not even to
 * clean up.
 */
export type Fault = "fails" | "dies";

export class InjectedFault extends Error {
  override name = "InjectedFault";
}

export class FaultyFiles implements Files {
  #count = 0;

  /** @param at the operation that is hit, counted from 1 */
  constructor(private readonly fault: Fault, private at: number) {}

  /** Files can be without a name. */
  hasNameless = false;

  /** Counts anew from here on. */
  failAt(at: number): void {
    this.#count = 0;
    this.at = at;
  }

  /** Whether the fault has come; when not, there are fewer operations than `at`. */
  get hit(): boolean {
    return this.#count >= this.at;
  }

  #step(operation: string): void {
    this.#count++;
    if (this.#count === this.at || (this.fault === "dies" && this.#count > this.at)) {
      throw new InjectedFault(`${operation}, operation ${this.#count}`);
    }
  }

  #file(file: OpenFile): OpenFile {
    const step = (operation: string) => this.#step(operation);
    return {
      write: (bytes) => file.write(torn(bytes, () => step("write"))),
      writeSync: (bytes) => file.writeSync(torn(bytes, () => step("writeSync"))),
      seekSync: (offset, whence) => file.seekSync(offset, whence),
      async sync() {
        step("sync");
        await file.sync();
      },
      syncSync() {
        step("syncSync");
        file.syncSync();
      },
      async utime(atime, mtime) {
        step("utime");
        await file.utime(atime, mtime);
      },
      close: () => file.close(),
      [Symbol.dispose]: () => file[Symbol.dispose](),
    };
  }

  async open(...args: Parameters<Files["open"]>): Promise<OpenFile> {
    this.#step("open");
    return this.#file(await systemFiles.open(...args));
  }

  openSync(...args: Parameters<Files["openSync"]>): OpenFile {
    this.#step("openSync");
    return this.#file(systemFiles.openSync(...args));
  }

  createSync(...args: Parameters<Files["createSync"]>): void {
    createInSteps(this, ...args);
  }

  createWholeSync(...args: Parameters<Files["createWholeSync"]>): boolean {
    if (!this.hasNameless) return false;
    // Nothing is to be seen of it before the last of its operations.
    for (const operation of ["open", "write", "link"]) this.#step(operation);
    systemFiles.createSync(...args);
    return true;
  }

  mkdirSync(...args: Parameters<Files["mkdirSync"]>): boolean {
    this.#step("mkdirSync");
    return systemFiles.mkdirSync(...args);
  }

  removeDirectorySync(path: string): boolean {
    this.#step("removeDirectorySync");
    return systemFiles.removeDirectorySync(path);
  }

  renameToNewSync(from: string, to: string): void {
    renameToNewInSteps(this, from, to);
  }

  async rename(...args: Parameters<Files["rename"]>): Promise<void> {
    this.#step("rename");
    await systemFiles.rename(...args);
  }

  renameSync(...args: Parameters<Files["renameSync"]>): void {
    this.#step("renameSync");
    systemFiles.renameSync(...args);
  }

  async remove(...args: Parameters<Files["remove"]>): Promise<void> {
    this.#step("remove");
    await systemFiles.remove(...args);
  }

  removeSync(...args: Parameters<Files["removeSync"]>): void {
    this.#step("removeSync");
    systemFiles.removeSync(...args);
  }

  utimeSync(...args: Parameters<Files["utimeSync"]>): void {
    this.#step("utimeSync");
    systemFiles.utimeSync(...args);
  }
}

/** Files that take the time of a clock to be made at once, and note how each is made. */
export class SlowFiles {
  tookMs = 0;
  readonly ways: ("at once" | "by threads")[] = [];
  readonly files: Files;

  constructor(clock: FakeClock) {
    const { ways } = this;
    this.files = {
      ...systemFiles,
      createSync: (...args) => {
        ways.push("at once");
        clock.advance(this.tookMs);
        systemFiles.createSync(...args);
      },
      openSync: (path, options) => {
        if (options?.createNew && path.includes("uwsgi_spoolfile")) {
          ways.push("at once");
          clock.advance(this.tookMs);
        }
        return systemFiles.openSync(path, options);
      },
      open: (path, options) => {
        // Without options it is a directory that is synced.
        if (options !== undefined) ways.push("by threads");
        return systemFiles.open(path, options);
      },
    };
  }
}

/** Half of the bytes a time, so that a file can be left at every stage of half-written. */
function torn(bytes: Uint8Array, step: () => void): Uint8Array {
  step();
  return bytes.subarray(0, Math.ceil(bytes.length / 2));
}
