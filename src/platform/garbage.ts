/**
 * V8's garbage collector, to be run when a start is over: what only the start needed stays in memory
 * otherwise, as a program that does nothing allocates nothing and so never collects.
 *
 * The executable has V8's `gc` for that (`--expose-gc`); it is taken away before any code of tasks could
 * call it.
 */

/** The last resort takes compiled code, too. */
type Flavor = "regular" | "last-resort";
type Collect = (options?: { readonly type: "major"; readonly flavor: Flavor }) => void;

const scope = globalThis as { gc?: Collect | undefined };
const collect = scope.gc;
// V8 lets nobody delete it.
if (collect !== undefined) scope.gc = undefined;

/** Frees all that nobody holds, compiled code that has not run lately included; ten milliseconds or so. */
export function collectGarbage(): void {
  collect?.({ type: "major", flavor: "last-resort" });
}

/** A program with more than this has peers who take all that they can get. */
const LARGE_BYTES = 110 * 1024 * 1024;

/** @param rss resident memory in bytes; absent is that of now */
export function isLarge(rss: number = Deno.memoryUsage().rss): boolean {
  return rss > LARGE_BYTES;
}

/** Frees what nobody holds, in half the time, and leaves compiled code. */
export function collectSome(): void {
  collect?.({ type: "major", flavor: "regular" });
}
