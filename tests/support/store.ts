/** A store on a directory of its own, and tasks to put into it. */

import type { Clock } from "../../src/platform/clock.ts";
import { systemClock } from "../../src/platform/clock.ts";
import { type Claims, PosixClaims } from "../../src/spool/claim.ts";
import { PrivateClaims } from "../../src/spool/private_claims.ts";
import type { Files } from "../../src/spool/files.ts";
import { type ClaimedTask, Store, type StoreOptions } from "../../src/spool/store.ts";
import type { TaskRef } from "../../src/spool/layout.ts";
import { textVar, type Var } from "../../src/wire/packet.ts";
import { platform } from "./platform.ts";

export const DEDUP_WINDOW_MS = 3_600_000;

function open(dir: string, clock: Clock, claims: Claims, files?: Files): Promise<Store> {
  return Store.open({ ...optionsOf(dir, clock, claims), ...(files ? { files } : {}) });
}

function optionsOf(dir: string, clock: Clock, claims: Claims): StoreOptions {
  return {
    dir,
    fsync: true,
    dedupWindowMs: DEDUP_WINDOW_MS,
    clock,
    random: Math.random,
    libc: platform.libc,
    claims,
  };
}

/** A store that does not wait for the disk. */
export function openUnsynced(dir: string, options: Partial<StoreOptions> = {}): Promise<Store> {
  const clock = options.clock ?? systemClock;
  return Store.open({ ...optionsOf(dir, clock, platform.claims), fsync: false, ...options });
}

export function openStore(
  dir: string,
  clock: Clock = systemClock,
  claims: Claims = platform.claims,
): Promise<Store> {
  return open(dir, clock, claims);
}

/**
 * A store as a new start of the program opens it: what the last one ran it takes for left behind,
 * because the locks of this process are no obstacle to claims that do not know of them.
 */
export function openAnew(dir: string, clock: Clock = systemClock, files?: Files): Promise<Store> {
  const { libc } = platform;
  return open(dir, clock, libc ? new PosixClaims(libc) : new PrivateClaims(), files);
}

export function varsOf(values: Record<string, string | Uint8Array>): Var[] {
  return Object.entries(values).map(([name, value]) => textVar(name, value));
}

/** Claims a task that must be there for the taking. */
export function claimNow(store: Store, ref: TaskRef): ClaimedTask {
  const claimed = store.claim(ref);
  if (claimed.kind !== "claimed") throw new Error(`expected a claim, got ${claimed.kind}`);
  return claimed;
}

export function seenNames(store: Store): string[] {
  return [...store.scan()].flat().map(({ name }) => name);
}
