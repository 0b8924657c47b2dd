/**
 * Who sent a task, and is it as it was sent: checks the reserved vars of a delivery, and the body
 * while it arrives.
 */

import { createHash } from "node:crypto";
import type { Clock } from "../platform/clock.ts";
import type { IncomingTask } from "./incoming_task.ts";
import { isSha256Hex } from "../wire/hmac.ts";
import { findText } from "../wire/packet.ts";
import { RefusalError } from "../wire/refusal.ts";
import { Replays } from "../wire/replays.ts";
import { RequestError } from "../task/request.ts";
import {
  BODY_HASH_VAR,
  ID_VAR,
  isDeliveryId,
  SIGNATURE_WINDOW_MS,
  verifyDelivery,
} from "../wire/signature.ts";

/** What the reserved vars of a task say, after they were checked. */
export interface CheckedDelivery {
  /** The same for every delivery of this task; null when it has none. */
  readonly id: string | null;
  /** Lower-case hex SHA-256 that its body must have; null is any. */
  readonly bodySha256: string | null;
}

/** Some tens of MiB; at 3,000 tasks a second these are the last five minutes. */
const MOST_SIGNATURES = 1_000_000;

/** What remembers the signatures of a program, as long as it runs. */
export function newReplays(): Replays {
  return new Replays(SIGNATURE_WINDOW_MS, MOST_SIGNATURES);
}

export class Verifier {
  /** @param isAsked whether tasks must be signed */
  constructor(
    private readonly isAsked: boolean,
    private readonly receiver: string,
    private readonly replays: Replays,
    private readonly clock: Clock,
  ) {}

  /** @throws {RefusalError} */
  check(task: IncomingTask): CheckedDelivery {
    return this.isAsked ? this.#signed(task) : unsigned(task);
  }

  #signed({ vars, signed, body }: IncomingTask): CheckedDelivery {
    if ("problem" in signed) throw new RefusalError("signature", signed.problem);
    const now = this.clock.now();
    const { receiver } = this;
    const verdict = verifyDelivery(vars, { now, hasBody: body !== null, receiver });
    if (verdict.kind === "invalid") {
      throw new RefusalError("signature", verdict.reason, verdict.isTemporary);
    }
    if (!this.replays.admit(signed.signature, verdict.sentAt, now)) {
      // A man in the middle that replays packets must not make their sender give them up.
      throw new RefusalError("signature", "the signature was used before", true);
    }
    return { id: verdict.id, bodySha256: verdict.bodySha256 ?? null };
  }
}

function unsigned({ vars, body }: IncomingTask): CheckedDelivery {
  const id = findText(vars, ID_VAR) ?? null;
  if (id !== null && !isDeliveryId(id)) {
    throw new RequestError(`${ID_VAR} needs 1 to 128 printable ASCII characters: "${id}"`);
  }
  const bodySha256 = findText(vars, BODY_HASH_VAR) ?? null;
  if (bodySha256 !== null && !isSha256Hex(bodySha256)) {
    throw new RequestError(`${BODY_HASH_VAR} is not a SHA-256 in hex`);
  }
  if (bodySha256 !== null && body === null) {
    throw new RequestError(`it has the ${BODY_HASH_VAR} of a body, but has no body`);
  }
  return { id, bodySha256 };
}

/**
 * The pieces as they are; at their end throws when their hash is another.
 *
 * @throws {RefusalError}
 */
export async function* checkedPieces(
  pieces: AsyncIterable<Uint8Array>,
  sha256: string,
): AsyncGenerator<Uint8Array> {
  const hash = createHash("sha256");
  for await (const piece of pieces) {
    hash.update(piece);
    yield piece;
  }
  if (hash.digest("hex") !== sha256) {
    throw new RefusalError("signature", `the body is not the one of ${BODY_HASH_VAR}`);
  }
}
