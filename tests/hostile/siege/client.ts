/**
 * The clients that mean no harm, in a process of their own, so that nothing else that a siege does is a
 * delay of theirs: `client.ts PORT`. A line `take` is answered with a {@link Report} since the one before,
 * `stop` with the last, when every task that was begun is accepted.
 */

import { Clients, type Report } from "./clients.ts";

const clients = new Clients(Number(Deno.args[0]));

function report(): Report {
  const { failures, refusedLong } = clients;
  return { latencies: clients.take(), accepted: clients.takeAccepted(), failures, refusedLong };
}

const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream());
for await (const text of lines) {
  if (text.includes("stop")) await clients.stop();
  console.log(JSON.stringify(report()));
  if (text.includes("stop")) Deno.exit(0);
}
// Whoever asked has died.
Deno.exit(1);
