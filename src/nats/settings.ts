/** What an ini says of NATS. Types only. @pure */

/** A stream, and the servers that have it. */
export interface StreamAddress {
  /** As it was written, for people. It holds no secret. */
  readonly text: string;
  /** `host:port` of one or more servers of the same cluster. */
  readonly servers: readonly string[];
  readonly stream: string;
}

/** `spooler-nats`: how this side shows who it is, and whom it trusts. */
export interface NatsAccess {
  readonly proof:
    /** A file with a JWT and the seed of its key, or one with a seed alone. Absolute. */
    | { readonly kind: "creds" | "nkey"; readonly file: string }
    | { readonly kind: "user"; readonly user: string; readonly password: string }
    | null;
  /**
   * Certificates to trust besides the public ones; with them nothing goes to a server without TLS.
   * Absolute.
   */
  readonly ca: string | null;
}

/** Where the ini has no `spooler-nats`. */
export const WITHOUT_PROOF: NatsAccess = { proof: null, ca: null };
