/** Removes what a crash left behind and nobody needs. */

import { join } from "@std/path";
import type { SpoolDirectory } from "./directory.ts";
import { RUNNING_DIR, TMP_DIR } from "./layout.ts";
import type { Records } from "./records.ts";
import { markedId } from "./running.ts";
import { HALF_WRITTEN_MS } from "./transitions.ts";

/** See {@link Store.sweep}. */
export function sweep(spool: SpoolDirectory, records: Records): number {
  for (const ref of records.withAttempts()) {
    // Unlinked, or moved to failed/, and then the crash.
    if (!spool.exists(spool.pathOf(ref))) records.forgetAttempts(ref);
  }
  for (const name of staleIn(spool, RUNNING_DIR)) {
    const id = markedId(name);
    const isOrphan = id !== null && !spool.exists(join(spool.path, id));
    if (isOrphan) spool.removeIfThere(join(spool.path, RUNNING_DIR, name));
  }
  const left = staleIn(spool, TMP_DIR);
  for (const name of left) spool.removeIfThere(join(spool.path, TMP_DIR, name));
  return left.length;
}

/** The files that nobody can be writing any more. */
function staleIn(spool: SpoolDirectory, sub: string): string[] {
  const dir = join(spool.path, sub);
  const names = [...spool.entries.list(dir)].flat().map(({ name }) => name);
  return names.filter((name) => {
    const stat = spool.claims.lstat(join(dir, name));
    return stat !== null && spool.clock.now() - stat.ctimeMs >= HALF_WRITTEN_MS;
  });
}
