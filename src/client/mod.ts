/**
 * Gives the spooler work, from Deno, Node and Bun:
 *
 *     import { connect, Spool, task } from "spooler/client";
 *
 *     const sendMail = task<{ to: string }>("send_mail");
 *     await new Spool("/var/spool/site").put(sendMail, { to: "ann@example.org" });
 *     await connect("tls://hub:3031", { secret }).put("report", { month: 12 }, { at: tomorrow });
 */

export { type PutOptions, type TaskToPut, type UniqueOptions } from "./new_task.ts";
export { connect, type RemoteClient as Remote } from "./remote_client.ts";
export {
  type ConnectOptions,
  type SendOptionsOfTask as SendOptions,
  TaskRefusedError,
  type TaskToSend,
} from "./pending_task.ts";
export {
  SpoolClient as Spool,
  type SpoolClientOptions as SpoolOptions,
  type TaskEnd,
} from "./spool_client.ts";
export { type TaskStatus } from "./task_status.ts";
export { task, type TaskType } from "./task_type.ts";
