/**
 * A client that means no harm, in a process of its own, so that nothing else that a siege does is a delay of
 * its: `client.ts PORT NAME`. A line `take` is answered with a {@link Report} since the one before, `stop`
 * with the last, when every task that was begun is accepted.
 */

import { Client } from "./clients.ts";

const [port = "", name = ""] = Deno.args;
const client = new Client(Number(port), name);

const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream());
for await (const text of lines) {
  if (text.includes("stop")) await client.stop();
  console.log(JSON.stringify(client.report()));
  if (text.includes("stop")) Deno.exit(0);
}
// Whoever asked has died.
Deno.exit(1);
