/**
 * Makes the C library's allocator give back what is freed: left to itself it keeps what a flood of
 * peers once took, in as many pools as there are threads.
 */

import { openLibrary } from "./linux.ts";

const M_TRIM_THRESHOLD = -1;
const M_MMAP_THRESHOLD = -3;
const M_ARENA_MAX = -8;

/** Pieces of this size are of their own, and go back to the kernel one by one. */
const OWN_PIECE_BYTES = 64 * 1024;
const KEPT_BYTES = 128 * 1024;
const POOLS = 2;

/** To be called once, at the start of the program. Does nothing where there is no mallopt (musl). */
export function boundAllocator(): void {
  if (Deno.build.os !== "linux") return;
  const symbols = {
    mallopt: { parameters: ["i32", "i32"], result: "i32", optional: true },
  } as const;
  const library = openLibrary((name) => Deno.dlopen(name, symbols));
  if ("unavailable" in library) return;
  const { mallopt } = library.opened.symbols;
  mallopt?.(M_MMAP_THRESHOLD, OWN_PIECE_BYTES);
  mallopt?.(M_TRIM_THRESHOLD, KEPT_BYTES);
  mallopt?.(M_ARENA_MAX, POOLS);
  library.opened.close();
}
