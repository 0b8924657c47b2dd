/** Stores with a journal, in a test's own boot, on a disk that may refuse. */

import { DurableCalls } from "../../src/platform/durable_calls.ts";
import { openLibrary } from "../../src/platform/linux.ts";
import { type Clock, systemClock } from "../../src/platform/clock.ts";
import { PosixClaims } from "../../src/spool/claim.ts";
import { Store, type StoreOptions } from "../../src/spool/store.ts";
import type { JournalSettings } from "../../src/spool/store_journal.ts";
import { platform } from "./platform.ts";
import { DEDUP_WINDOW_MS } from "./store.ts";

export const SMALL_RING = 256 * 1024;
const EIO = 5;

/** Calls that can be made to fail. */
export class RefusingCalls extends DurableCalls {
  failing = new Set<"write" | "sync" | "syncFileSystem" | "allocate">();
  /** Of whole file systems. */
  syncs = 0;

  override write(...args: Parameters<DurableCalls["write"]>): number {
    return this.failing.has("write") ? -EIO : super.write(...args);
  }

  override sync(fd: number): number {
    return this.failing.has("sync") ? -EIO : super.sync(fd);
  }

  override allocate(...args: Parameters<DurableCalls["allocate"]>): number {
    return this.failing.has("allocate") ? -28 : super.allocate(...args);
  }

  override syncFileSystem(fd: number): number {
    this.syncs++;
    return this.failing.has("syncFileSystem") ? -EIO : super.syncFileSystem(fd);
  }

  override async syncLater(fd: number): Promise<boolean> {
    return !this.failing.has("sync") && await super.syncLater(fd);
  }

  override async syncFileSystemLater(fd: number): Promise<boolean> {
    this.syncs++;
    return !this.failing.has("syncFileSystem") && await super.syncFileSystemLater(fd);
  }
}

export function refusingCalls(): RefusingCalls {
  const library = openLibrary((name) => new RefusingCalls(name));
  if ("unavailable" in library) throw new Error(library.unavailable);
  return library.opened;
}

export interface JournalledOptions extends Partial<JournalSettings> {
  readonly clock?: Clock;
  readonly store?: Partial<StoreOptions>;
}

/** As a program that starts opens it: it knows nothing of the claims of another. */
export async function openJournalled(
  dir: string,
  boot: string,
  { clock = systemClock, store = {}, ...settings }: JournalledOptions = {},
): Promise<{ store: Store; warnings: string[] }> {
  const { libc } = platform;
  if (libc === null) throw new Error("this test needs libc");
  const warnings: string[] = [];
  const opened = await Store.open({
    ...{ dir, fsync: true, dedupWindowMs: DEDUP_WINDOW_MS, clock, random: Math.random, libc },
    claims: new PosixClaims(libc),
    journal: {
      warn: (message) => warnings.push(message),
      ringSizes: [SMALL_RING],
      boot,
      isTrusted: true,
      ...settings,
    },
    ...store,
  });
  return { store: opened, warnings };
}
