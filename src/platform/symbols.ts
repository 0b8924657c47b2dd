/**
 * The functions of a library, each opened when it is asked for: one takes up to half a millisecond, as the
 * runtime compiles a call of its own for each, and a short command needs few of them.
 */

import { ERRNO_LOCATION } from "./errno.ts";

type Interface = Deno.ForeignLibraryInterface;

/**
 * In the executable; from source they are opened all at once, as a test is to open nothing that it does not
 * close.
 *
 * @throws {Error} when there is no such library
 */
export function openSymbols<const S extends Interface>(
  library: string,
  wanted: S,
  isLazy = Deno.build.standalone,
): Deno.DynamicLibrary<S>["symbols"] {
  if (!isLazy) return Deno.dlopen(library, wanted).symbols;
  const symbols: Record<string, unknown> = {};
  const open = (name: string) => {
    const opened = Deno.dlopen(library, { [name]: wanted[name] } as Interface).symbols;
    Object.defineProperty(symbols, name, { value: opened[name], enumerable: true });
    return opened[name];
  };
  for (const name of Object.keys(wanted)) {
    Object.defineProperty(symbols, name, { get: () => open(name), configurable: true });
  }
  // At once: whether the library is there; and between a call and its errno nothing may be opened.
  open(ERRNO_LOCATION);
  return symbols as Deno.DynamicLibrary<S>["symbols"];
}
