/** Lists directories of a spool, by libc or, where that cannot be called, by Deno. */

import { join } from "@std/path";
import { type DirectoryEntry, list, type ListedFile, listFiles } from "../platform/dirents.ts";
import type { Libc } from "../platform/libc.ts";
import type { Claims } from "./claim.ts";
import type { SpoolRoot } from "./root.ts";

export class Entries {
  constructor(private readonly root: SpoolRoot | null, private readonly claims: Claims) {}

  /** What is in a directory, in pieces; nothing when it is not there. */
  list(dir: string): Iterable<readonly DirectoryEntry[]> {
    return this.#listed(dir, list) ?? [this.#listWithDeno(dir)];
  }

  /** Like {@link list}, but only directories, and what may be one. */
  listDirectories(dir: string): Iterable<readonly DirectoryEntry[]> {
    const mayBe = (kind: DirectoryEntry["kind"]) => kind === "directory" || kind === "unknown";
    return this.#listed(dir, (libc, fd) => list(libc, fd, mayBe)) ??
      [this.#listWithDeno(dir).filter(({ kind }) => kind === "directory")];
  }

  /** The wanted ones among the regular files of a directory, in pieces; nothing when it is not there. */
  listFiles(dir: string, isWanted: (name: string) => boolean): Iterable<readonly ListedFile[]> {
    return this.#listed(dir, (libc, fd) => listFiles(libc, fd, isWanted)) ??
      [this.#listFilesWithDeno(dir, isWanted)];
  }

  /** Null where libc cannot be called. */
  #listed<T>(dir: string, by: (libc: Libc, fd: number) => Iterable<T>): Iterable<T> | null {
    if (!this.root) return null;
    const fd = this.root.openDirectory(dir);
    return fd < 0 ? [] : by(this.root.libc, fd);
  }

  #listFilesWithDeno(dir: string, isWanted: (name: string) => boolean): ListedFile[] {
    return this.#listWithDeno(dir).flatMap(({ name }) => {
      const stat = isWanted(name) ? this.claims.lstat(join(dir, name)) : null;
      return stat?.kind === "file" ? [{ name, mtimeMs: stat.mtimeMs }] : [];
    });
  }

  #listWithDeno(dir: string): DirectoryEntry[] {
    if (this.claims.lstat(dir)?.kind !== "directory") return [];
    return [...Deno.readDirSync(dir)].map(({ name, isFile, isDirectory }) => ({
      name,
      kind: isFile ? "file" : isDirectory ? "directory" : "other",
    }));
  }
}
