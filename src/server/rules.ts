/** What holds for every conversation, by the ini. */

import { type NotSigned, signedBy } from "../wire/signature.ts";
import type { Accept, Identify } from "./incoming_task.ts";
import { receiverName } from "./receiver_name.ts";
import type { ConnectionLimits, ReceptionConfig } from "./settings.ts";

export interface ConversationRules {
  readonly limits: ConnectionLimits;
  /** What a ping reply offers. */
  readonly features: readonly string[];
  readonly accept: Accept;
  /** The name of this receiver. */
  readonly receiver: string;
  /** Which secret of ours signed a packet, so that its answer can be signed as well. */
  readonly identify: Identify;
}

const FEATURES = ["keep-alive", "body", "id", "signature", "task-name"];

/** Without a secret no signature can be checked. */
const UNASKED: NotSigned = { problem: "this program has no secret to check it with" };

export function rulesOf(config: ReceptionConfig, accept: Accept): ConversationRules {
  const { secrets, maxVarsSize, maxBodySize, timeoutMs } = config;
  return {
    limits: { maxVarsSize, maxBodySize, timeoutMs },
    features: FEATURES,
    accept,
    receiver: receiverName(config),
    identify: (bytes, vars) => secrets.length === 0 ? UNASKED : signedBy(bytes, vars, secrets),
  };
}
