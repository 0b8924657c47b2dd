/**
 * The errno of this thread. Where it is does not change, so it is asked for once: between a call that has
 * failed and its errno nothing may run that sets errno itself, as a contended lock of the runtime does.
 */

/** The function that says where it is, in the libraries of this program. */
export const ERRNO_LOCATION = "__errno_location";

/** @returns reads errno, of the thread that calls this; 0 where it cannot be found */
export function errnoReader(locate: () => Deno.PointerValue): () => number {
  const location = locate();
  if (location === null) return () => 0;
  const view = new Deno.UnsafePointerView(location);
  const read = () => view.getInt32();
  // What the first call sets up, too, is behind it.
  read();
  return read;
}
