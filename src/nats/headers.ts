/** The headers of messages that are tasks. @pure */

/** The same whenever a task is published, and of no other task. */
export const MESSAGE_ID = "Nats-Msg-Id";
/** The message has no body: it is the object of this name in the stream's store. */
export const BODY_HEADER = "Spooler-Body";
/** Why a task was given up, as JSON. */
export const FAILURE_HEADER = "Spooler-Failure";
