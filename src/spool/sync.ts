/**
 * Group commit: everybody who needs a directory on disk at the same time shares one fsync.
 */

import { type Files, systemFiles } from "./files.ts";

/** Makes the names in one directory durable. */
export class DirectorySync {
  #running: Promise<void> | null = null;
  #next: Promise<void> | null = null;

  /** @param syncOnce fsync of the directory; the default opens it and syncs it */
  constructor(
    private readonly dir: string,
    private readonly syncOnce: (dir: string) => Promise<void> = syncDirectory,
  ) {}

  /** Resolves when every rename that came before this call is on disk. */
  commit(): Promise<void> {
    // A sync already under way may have started before our rename: wait for the one behind it,
    // together with everybody else who came meanwhile.
    this.#next ??= (this.#running ?? Promise.resolve()).catch(() => {}).then(() => {
      const sync = this.syncOnce(this.dir);
      this.#running = sync;
      this.#next = null;
      return sync;
    });
    return this.#next;
  }
}

/** For what is made rarely, and must be on disk before anything else happens. */
export function syncDirectoryNow(dir: string, files: Files = systemFiles): void {
  using file = files.openSync(dir);
  file.syncSync();
}

export async function syncDirectory(dir: string, files: Files = systemFiles): Promise<void> {
  // To open it waits for no disk: whoever has a name in it has read it.
  using file = files.openSync(dir);
  await file.sync();
}
