/**
 * V8's garbage collector, to be run when a start is over: what only the start needed stays in memory
 * otherwise, as a program that does nothing allocates nothing and so never collects.
 *
 * The executable has V8's `gc` for that (`--expose-gc`); it is taken away before any code of tasks could
 * call it.
 */

type Collect = (options?: { readonly type: "major"; readonly flavor: "last-resort" }) => void;

const scope = globalThis as { gc?: Collect | undefined };
const collect = scope.gc;
// V8 lets nobody delete it.
if (collect !== undefined) scope.gc = undefined;

/** Frees all that nobody holds, compiled code that has not run lately included; ten milliseconds or so. */
export function collectGarbage(): void {
  collect?.({ type: "major", flavor: "last-resort" });
}
