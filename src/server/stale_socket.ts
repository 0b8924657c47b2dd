/** Socket files that a program left behind. */

/**
 * Whether a killed program has left its socket at a path; false when nothing is there.
 *
 * @throws {Deno.errors.AddrInUse} when somebody listens there, or it is not a socket
 */
export async function isStaleSocket(path: string): Promise<boolean> {
  try {
    if (!Deno.lstatSync(path).isSocket) throw new NotASocketError(`listen on ${path}`);
    const connection = await Deno.connect({ transport: "unix", path });
    connection.close();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    if (error instanceof Deno.errors.ConnectionRefused) return true;
    throw error;
  }
  throw new Deno.errors.AddrInUse(`listen on ${path}: another program listens there`);
}

/** A file that is not a socket is where a socket should be. */
export class NotASocketError extends Deno.errors.AddrInUse {}
