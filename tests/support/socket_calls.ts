/** Calls about sockets that a test replaces some of. */

import { openLibrary } from "../../src/platform/linux.ts";
import type { SocketCalls } from "../../src/platform/socket_calls.ts";

/**
 * To be called outside tests: a library is opened once and kept, and belongs to none.
 *
 * @returns what throws where libc cannot be called
 */
export function opened<T extends SocketCalls>(Calls: new (library: string) => T): () => T {
  const library = openLibrary((name) => new Calls(name));
  return () => {
    if ("unavailable" in library) throw new Error(library.unavailable);
    return library.opened;
  };
}
