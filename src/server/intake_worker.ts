/** The module of the thread that takes tasks. */

import { socketCalls } from "../platform/socket_calls.ts";
import { threadScope } from "../platform/thread_scope.ts";
import { openPlatform } from "../spool/platform.ts";
import type { FromIntake, ToIntake } from "./intake_messages.ts";
import { IntakeThread } from "./intake_thread.ts";

const scope = threadScope<ToIntake, FromIntake>();
const calls = socketCalls();
if (calls === null) throw new Error("libc cannot be called");
// Peers wait for this thread; the others have what it hands on.
calls.comeFirst();
const thread = new IntakeThread({
  calls,
  platform: openPlatform(),
  post: (message) => scope.postMessage(message),
});
// The loop begins with the first message: a loop that waits for sockets would not see it.
scope.onmessage = ({ data }) => thread.take(data);
scope.postMessage({ kind: "up" });
