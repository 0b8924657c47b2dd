/** Claims for a machine whose libc cannot be called: nothing but this process knows of them. */

import { deviceText, type Stat } from "../platform/stat.ts";
import { DENIED } from "../platform/reason.ts";
import { type Claim, type Claims, NO_REGULAR_FILE, type Peek, type Unclaimed } from "./claim.ts";
import { dueTime } from "./layout.ts";

export class PrivateClaims implements Claims {
  readonly shared = false;
  readonly #held = new Set<string>();

  within(): Claims {
    return this;
  }

  trusts(): boolean {
    return true;
  }

  lstat(path: string): Stat | null {
    try {
      const info = Deno.lstatSync(path);
      return {
        kind: info.isFile ? "file" : info.isDirectory ? "directory" : "other",
        mode: (info.mode ?? 0) & 0o7777,
        uid: info.uid ?? 0,
        gid: info.gid ?? 0,
        size: info.size,
        mtimeMs: info.mtime?.getTime() ?? 0,
        ctimeMs: info.mtime?.getTime() ?? 0,
        links: info.nlink ?? 1,
        device: deviceText(info.dev),
        identity: `${info.dev}:${info.ino}`,
      };
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return null;
      throw error;
    }
  }

  claim(path: string, now: number): Claim | Unclaimed {
    const stat = this.lstat(path);
    if (stat === null) return { kind: "gone" };
    if (stat.kind !== "file") return NO_REGULAR_FILE;
    const dueAt = dueTime(path, stat.mtimeMs, now);
    if (dueAt > now) return { kind: "deferred", dueAt };
    if (this.#held.has(stat.identity)) return { kind: "busy" };
    let file: Deno.FsFile;
    try {
      file = Deno.openSync(path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return { kind: "gone" };
      if (error instanceof Deno.errors.PermissionDenied) {
        return { kind: "unusable", reason: DENIED };
      }
      throw error;
    }
    this.#held.add(stat.identity);
    return {
      kind: "claimed",
      stat,
      read: (into, offset) => readAt(file, into, offset),
      release: () => {
        if (this.#held.delete(stat.identity)) file.close();
      },
    };
  }

  peek(path: string): Peek {
    const stat = this.lstat(path);
    if (stat === null) return { kind: "gone" };
    if (stat.kind !== "file") return NO_REGULAR_FILE;
    let file: Deno.FsFile;
    try {
      file = Deno.openSync(path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return { kind: "gone" };
      return { kind: "unusable", reason: `it cannot be opened: ${error}` };
    }
    return {
      kind: "open",
      stat,
      locked: this.#held.has(stat.identity),
      read: (into, offset) => readAt(file, into, offset),
      close: () => file.close(),
    };
  }
}

function readAt(file: Deno.FsFile, into: Uint8Array<ArrayBuffer>, offset: number): number {
  file.seekSync(offset, Deno.SeekMode.Start);
  let filled = 0;
  while (filled < into.length) {
    const count = file.readSync(into.subarray(filled));
    if (count === null) break;
    filled += count;
  }
  return filled;
}
