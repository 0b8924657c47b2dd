/** Rules of a conversation that is tested without a socket. */

import type { Accept } from "../../src/server/incoming_task.ts";
import type { ConversationRules } from "../../src/server/rules.ts";

const LIMITS = { maxVarsSize: 100, maxBodySize: 0, timeoutMs: 4000 };

export function rulesWith(accept: Accept, limits: Partial<typeof LIMITS> = {}): ConversationRules {
  return {
    limits: { ...LIMITS, ...limits },
    features: [],
    receiver: "hub",
    identify: () => ({ problem: "no secret" }),
    accept,
  };
}
