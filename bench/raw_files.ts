/** What the bare file system does: one process that lists a directory and opens, reads and unlinks. */

import { join } from "@std/path";
import { isTaskName } from "../src/spool/layout.ts";

/** Milliseconds that it takes to drain a spool so. */
export function drainRawFiles(spool: string): number {
  const buffer = new Uint8Array(4096);
  const startedAt = performance.now();
  for (const { name } of Deno.readDirSync(spool)) {
    if (!isTaskName(name)) continue;
    const path = join(spool, name);
    {
      using file = Deno.openSync(path);
      file.readSync(buffer);
    }
    Deno.removeSync(path);
  }
  return performance.now() - startedAt;
}
