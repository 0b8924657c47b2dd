/// <reference path="../../workers/uwsgi.d.ts" />

import { subjectOf } from "./mail.ts";

/** Run by: spooler push --ini site.ini ud_spool_func=send_mail to=ann@example.org order=17 */
export async function send_mail(vars: TaskVars, _body: Uint8Array, context: TaskContext) {
  const { to, order } = vars;
  if (to === undefined) throw new uwsgi.Permanent("send_mail needs to=ADDRESS");
  console.log(`attempt ${context.attempt}: ${subjectOf(order ?? "?")} to ${to}`);
  // The reminder is a task of its own, in an hour.
  const at = new Date(Date.now() + 3_600_000);
  await uwsgi.spool({ ud_spool_func: "remind", to, at });
}

export function remind({ to }: TaskVars): void {
  console.log(`${to} is reminded`);
}

/** The body of a task is bytes, of any length. */
export const count_bytes: TaskFunction = (_vars, body) => {
  console.log(`${body.length} bytes`);
  return uwsgi.SPOOL_OK;
};

/** Whatever names no other function. */
export default function rest({ ud_spool_func }: TaskVars): number {
  console.warn(`nobody knows ${ud_spool_func}`);
  return uwsgi.SPOOL_IGNORE;
}

uwsgi.timer(60, function heartbeat() {
  console.log(`the workers of ${uwsgi.spoolers[0]} are well`);
});
