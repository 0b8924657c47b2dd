/** A task that can never be accepted. @pure */

import { RefusalError } from "../wire/refusal.ts";

/** The message says which key and why. */
export class RequestError extends RefusalError {
  override name = "RequestError";

  constructor(message: string) {
    super("request", message);
  }
}
