/** Removes what a crash left behind and nobody needs. */

import { basename, join } from "node:path";
import type { SpoolDirectory } from "./directory.ts";
import { RUNNING_DIR, TMP_DIR } from "./layout.ts";
import { markedId } from "./running.ts";
import { HALF_WRITTEN_MS } from "./transitions.ts";

/** See {@link Store.sweep}. */
export function sweep(spool: SpoolDirectory): number {
  const stale = (path: string): boolean => {
    const stat = spool.claims.lstat(path);
    return stat !== null && spool.clock.now() - stat.ctimeMs >= HALF_WRITTEN_MS;
  };
  for (const path of pathsIn(spool, RUNNING_DIR)) {
    const id = markedId(basename(path));
    if (id !== null && stale(path) && !spool.exists(join(spool.path, id))) {
      spool.files.removeSync(path);
    }
  }
  const left = pathsIn(spool, TMP_DIR).filter(stale);
  for (const path of left) spool.files.removeSync(path);
  return left.length;
}

function pathsIn(spool: SpoolDirectory, sub: string): string[] {
  return [...Deno.readDirSync(join(spool.path, sub))]
    .map(({ name }) => join(spool.path, sub, name));
}
