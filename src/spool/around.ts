/** The directory that a file lies in, for what goes with that file and is no task; nothing of it is synced. */

import { dirname } from "@std/path";
import { SpoolDirectory, type StoreOptions } from "./directory.ts";

export type AroundOptions = Pick<StoreOptions, "claims" | "libc" | "clock" | "random">;

export function directoryAround(path: string, options: AroundOptions): SpoolDirectory {
  return new SpoolDirectory({ dir: dirname(path), fsync: false, ...options });
}
