/**
 * Why a packet is refused: a kind to count by, and whether it may come back with the same packet.
 *
 * @pure
 */

import { LightError } from "../platform/light_error.ts";

export type RefusalKind =
  /** Not from an address that may talk. */
  | "denied"
  /** The bytes are no packet, or none of ours. */
  | "malformed"
  /** More bytes than are allowed. */
  | "too large"
  /** Nothing came, or too slowly; or the peer does not read its answers. */
  | "slow"
  /** The peer closed in the middle. */
  | "cut off"
  /** A signature is missing, wrong, stale or was used before. */
  | "signature"
  /** A value that runs code when it is loaded, from somebody nobody vouches for. */
  | "pickle"
  /** A function that strangers may not run. */
  | "function"
  /** The task asks for something that is not there or means nothing. */
  | "request"
  /** The spool takes no task now. */
  | "full"
  /** There are too many connections. */
  | "crowded";

/** A packet or a connection is refused; the message says why. */
export class RefusalError extends LightError {
  override name = "RefusalError";

  /** @param isTemporary the same packet may be accepted later */
  constructor(
    readonly kind: RefusalKind,
    message: string,
    readonly isTemporary = false,
  ) {
    super(message);
  }
}
