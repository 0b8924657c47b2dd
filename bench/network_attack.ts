/**
 * A hostile peer for bench/network.ts, in its own process until it is killed:
 * `network_attack.ts PORT idle|drip|flood|garbage RATE`. Says `ready` when it is at it, and at SIGTERM
 * how many connections it has made a second since then; RATE is how many of the short ones it tries.
 */

import { pause } from "../tests/support/until.ts";
import { Flood } from "./network_flood.ts";

const [portText, kind, rateText] = Deno.args;
const port = Number(portText);
const CONNECTIONS = 2000;
const GARBAGE_BYTES = 4096;

/** Keeps a number of connections open, and opens each anew when it is hung up on. */
async function hold(writes: boolean): Promise<void> {
  let open = 0;
  for (let n = 0; n < CONNECTIONS; n++) keep(writes, () => open++);
  while (open < CONNECTIONS) await pause(10);
}

async function keep(writes: boolean, opened: () => void): Promise<never> {
  const buffer = new Uint8Array(16);
  while (true) {
    try {
      using connection = await Deno.connect({ hostname: "127.0.0.2", port });
      opened();
      const dripping = writes ? drip(connection) : null;
      while (await connection.read(buffer)) { /* until it hangs up */ }
      await dripping;
    } catch {
      await pause(10);
    }
  }
}

/** A header that promises 65,535 bytes, and then one a second. */
async function drip(connection: Deno.Conn): Promise<void> {
  await connection.write(Uint8Array.of(17, 255, 255, 0));
  while (true) {
    await pause(1000);
    await connection.write(Uint8Array.of(1));
  }
}

const garbage = crypto.getRandomValues(new Uint8Array(GARBAGE_BYTES));
const flood = new Flood(port, kind === "garbage" ? garbage : new Uint8Array(0));
if (kind === "idle" || kind === "drip") await hold(kind === "drip");
else flood.strike(Number(rateText));
const startedAt = performance.now();
Deno.addSignalListener("SIGTERM", () => {
  const seconds = (performance.now() - startedAt) / 1000;
  console.log(flood.made / seconds, flood.missed / seconds);
  Deno.exit();
});
console.log("ready");
