/** The thread that takes tasks, which dies when it has accepted so many: `dying_intake.ts?after=NUMBER`. */

import type { FromIntake } from "../../src/server/intake_messages.ts";
import "../../src/server/intake_worker.ts";

const most = Number(new URL(import.meta.url).searchParams.get("after"));
const scope = globalThis as unknown as { postMessage(message: FromIntake): void };
const post = scope.postMessage.bind(scope);
let accepted = 0;

// Their peers have their answers, and nobody else has heard of these tasks.
scope.postMessage = (message) => {
  if (message.kind === "accepted") {
    for (const { names } of message.groups) accepted += names.length;
  }
  if (accepted >= most) throw new RangeError("injected");
  post(message);
};
