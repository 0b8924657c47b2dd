/** Lines of the log at the start of a life: what people should know of it. */

import type { Config } from "../config/config.ts";
import type { Emit } from "../report/event.ts";
import type { Platform } from "../spool/platform.ts";
import type { Store } from "../spool/store.ts";

/** About a spool directory that was opened. */
export function warnOfStore(store: Store, spool: string, emit: Emit): void {
  const weakness = store.weakness();
  if (weakness !== null) {
    const message = `${store.dir} is on ${weakness} (docs/spool-format.md)`;
    emit({ type: "spool.warning", spool, message });
  }
  const swept = store.sweep();
  if (swept === 0) return;
  const message = `removed ${swept} half-written files of tasks that it never accepted`;
  emit({ type: "spool.warning", spool, message });
}

/** Where libc cannot be called, no other program sees a lock. */
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

/** What runs tasks, as far as nobody else says it: modules and forwards do when they are opened. */
export function reportHandlers({ code, tasks, spools }: Config, emit: Emit): void {
  const isWorkedByNobody = code.modules.length === 0 && spools.some(({ external }) => !external);
  if (tasks.length === 0 && !isWorkedByNobody) return;
  const names = tasks.flatMap(({ name }) => name ?? []);
  const catchAll = tasks.some(({ name }) => name === null);
  emit({ type: "handlers.loaded", names, catchAll });
}
