/** Whether the modules of a worker offer anything new. @pure */

import type { WorkerOffer } from "./worker_listener.ts";

export function sameOffer(a: WorkerOffer, b: WorkerOffer): boolean {
  const offer = ({ functions, catchAll, registered }: WorkerOffer) =>
    JSON.stringify([functions, catchAll, registered]);
  return offer(a) === offer(b);
}
