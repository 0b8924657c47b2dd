/** Addresses that a program still has that was killed a moment ago. */

import type { Clock } from "../platform/clock.ts";
import { bindProblem } from "./bind_problem.ts";
import type { ListenerConfig } from "./settings.ts";
import { NotASocketError } from "./stale_socket.ts";

const TRIES = 10;
const EVERY_MS = 100;

/**
 * Listens on an address, again for a second while it is in use and no process has it: the system closes
 * the sockets of a killed program a little after the program is gone.
 *
 * @throws what `listen` throws
 */
export async function listenWhenFree<T>(
  config: ListenerConfig,
  clock: Clock,
  listen: () => Promise<T>,
): Promise<T> {
  for (let left = TRIES;; left--) {
    try {
      return await listen();
    } catch (error) {
      const isUsed = error instanceof Deno.errors.AddrInUse && !(error instanceof NotASocketError);
      if (!isUsed || left === 0 || bindProblem(config, error).holder !== null) throw error;
    }
    await new Promise<void>((resume) => clock.after(EVERY_MS, resume));
  }
}
