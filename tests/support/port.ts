/** Ports for peers that are away: nobody listens there until the test does. */

/** Where the range begins from which the kernel gives ports by itself; ip(7). */
function firstEphemeral(): number {
  try {
    const range = Deno.readTextFileSync("/proc/sys/net/ipv4/ip_local_port_range");
    return Number.parseInt(range);
  } catch {
    return 32_768;
  }
}

/** A port that the kernel had free just now. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

const LOWEST = 10_000;

/**
 * A port below that range. One that the kernel had given, and that was closed again, could be given
 * to a test beside this one, or to the very connection that asks there whether anybody is back.
 */
export function quietPort(): number {
  const highest = Math.max(firstEphemeral(), LOWEST + 1000);
  while (true) {
    const port = LOWEST + Math.floor(Math.random() * (highest - LOWEST));
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}
