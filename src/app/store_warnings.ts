/** What people should know about a spool directory that was opened. */

import type { Emit } from "../report/event.ts";
import type { Platform } from "../spool/platform.ts";
import type { Store } from "../spool/store.ts";

/**
 * @param spool its name
 * @param mayBeSwept whether what a crash left in tmp may be removed
 */
export function warnOfStore(store: Store, spool: string, emit: Emit, mayBeSwept: boolean): void {
  const weakness = store.weakness();
  if (weakness !== null) {
    const message = `${store.dir} is on ${weakness} (docs/spool-format.md)`;
    emit({ type: "spool.warning", spool, message });
  }
  const swept = mayBeSwept ? store.sweep() : 0;
  if (swept === 0) return;
  const message = `removed ${swept} half-written files of tasks that it never accepted`;
  emit({ type: "spool.warning", spool, message });
}

export function warnOfLocks(
  { unavailable }: Platform,
  spools: readonly { readonly name: string }[],
  emit: Emit,
): void {
  if (!unavailable) return;
  const message = `no file locks that other processes see (${unavailable}): ` +
    "no other program may work on these directories";
  for (const { name } of spools) emit({ type: "spool.warning", spool: name, message });
}
