/**
 * Makes the C library's allocator give back what is freed: left to itself it keeps what a flood of
 * peers once took, in as many pools as there are threads. And lets go of code that only the start needed.
 */

import type { Cancel, Clock } from "./clock.ts";
import { unmapCode } from "./code_pages.ts";
import { collectGarbage } from "./garbage.ts";
import { openLibrary } from "./linux.ts";

const M_TRIM_THRESHOLD = -1;
const M_MMAP_THRESHOLD = -3;
const M_ARENA_MAX = -8;

/** Pieces of this size are of their own, and go back to the kernel one by one. */
const OWN_PIECE_BYTES = 64 * 1024;
const KEPT_BYTES = 128 * 1024;
const POOLS = 2;
/** What is free between two pieces in use goes back by a call alone, which takes a millisecond. */
const TRIM_EVERY_MS = 10_000;
/** Under a load that breaks much memory into pieces, that is done sooner again, while it gains something. */
const LARGE_BYTES = 110 * 1024 * 1024;
const WORTH_BYTES = 2 * 1024 * 1024;
const TRIM_LARGE_EVERY_MS = 1000;
/**
 * Code goes sooner, and again after twice the time: that of the start would stand beside what those take who
 * attack at once.
 */
const UNMAP_AFTER_MS = 1000;

const SYMBOLS = {
  mallopt: { parameters: ["i32", "i32"], result: "i32", optional: true },
  malloc_trim: { parameters: ["usize"], result: "i32", optional: true },
} as const satisfies Deno.ForeignLibraryInterface;

/**
 * To be called once, at the start of the program; what is free is given back until the returned function is
 * called. Does nothing where libc does not know how (musl).
 */
export function boundAllocator(clock: Clock): Cancel {
  if (Deno.build.os !== "linux") return () => {};
  const library = openLibrary((name) => Deno.dlopen(name, SYMBOLS));
  if ("unavailable" in library) return () => {};
  const { mallopt, malloc_trim: trimPools } = library.opened.symbols;
  mallopt?.(M_MMAP_THRESHOLD, OWN_PIECE_BYTES);
  mallopt?.(M_TRIM_THRESHOLD, KEPT_BYTES);
  mallopt?.(M_ARENA_MAX, POOLS);
  let isFirst = true;
  const trim = () => {
    if (isFirst) collectGarbage();
    isFirst = false;
    const { rss } = Deno.memoryUsage();
    trimPools?.(0n);
    const isSoonAgain = rss > LARGE_BYTES && rss - Deno.memoryUsage().rss > WORTH_BYTES;
    unmapCode();
    cancel = clock.after(isSoonAgain ? TRIM_LARGE_EVERY_MS : TRIM_EVERY_MS, trim);
  };
  let cancel = clock.after(TRIM_EVERY_MS, trim);
  const unmapAfter = (delayMs: number): Cancel =>
    clock.after(delayMs, () => {
      unmapCode();
      if (2 * delayMs < TRIM_EVERY_MS) cancelUnmap = unmapAfter(2 * delayMs);
    });
  let cancelUnmap = unmapAfter(UNMAP_AFTER_MS);
  return () => {
    cancelUnmap();
    cancel();
  };
}
