/**
 * Makes the C library's allocator give back what is freed: left to itself it keeps what a flood of
 * peers once took, in as many pools as there are threads. And lets go of code that only the start needed.
 */

import type { Cancel, Clock } from "./clock.ts";
import { unmapCode } from "./code_pages.ts";
import { collectGarbage, collectSome, isLarge } from "./garbage.ts";
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
const WORTH_BYTES = 2 * 1024 * 1024;
const TRIM_LARGE_EVERY_MS = 1000;
/** A start is over then: what only it needed goes, code and garbage. */
const START_OVER_MS = 10_000;
/** Those who attack do not wait for that: what a start leaves would stand beside what they take. */
const LOOK_EVERY_MS = 500;

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
  /** @returns whether it is worth it to do that soon again */
  const giveBack = (): boolean => {
    const { rss } = Deno.memoryUsage();
    trimPools?.(0n);
    const gained = rss - Deno.memoryUsage().rss;
    unmapCode();
    return isLarge(rss) && gained > WORTH_BYTES;
  };
  const trim = () => {
    cancelTrim = clock.after(giveBack() ? TRIM_LARGE_EVERY_MS : TRIM_EVERY_MS, trim);
  };
  const look = () => {
    if (isLarge()) {
      collectSome();
      giveBack();
    } else unmapCode();
    cancelLook = clock.after(LOOK_EVERY_MS, look);
  };
  let cancelLook = clock.after(LOOK_EVERY_MS, look);
  let cancelTrim = clock.after(START_OVER_MS, () => {
    cancelLook();
    collectGarbage();
    trim();
  });
  return () => {
    cancelLook();
    cancelTrim();
  };
}
