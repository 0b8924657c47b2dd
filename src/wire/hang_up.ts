/** Which errors of a socket only say that the other side is gone. @pure */

const HANG_UPS = [
  Deno.errors.ConnectionReset,
  Deno.errors.ConnectionAborted,
  Deno.errors.BrokenPipe,
  Deno.errors.UnexpectedEof,
];

/** Whether the peer hung up; other errors are those of TLS and of this machine. */
export function isHangUp(error: unknown): boolean {
  return HANG_UPS.some((kind) => error instanceof kind);
}
