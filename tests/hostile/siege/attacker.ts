/** Plays one attack until its stdin ends: `attacker.ts NUMBER ADDRESS`. Prints how many streams. */

import { pause } from "../../support/until.ts";
import { ATTACKS } from "./attacks.ts";
import type { Address } from "./target.ts";

const [number = "", text = ""] = Deno.args;
const attack = ATTACKS[Number(number)];
if (attack === undefined) throw new Error(`there is no attack ${number}`);
const { crowd, pauseMs = 0, play } = attack;
const address = JSON.parse(text) as Address;
const over = new AbortController();
let streams = 0;

async function attackAgainAndAgain(): Promise<void> {
  while (!over.signal.aborted) {
    try {
      streams++;
      await play(address, over.signal);
    } catch {
      // The program hung up, or is away.
      await pause(20);
    }
    if (pauseMs > 0) await pause(pauseMs);
  }
}

for (let n = 0; n < crowd; n++) attackAgainAndAgain();
await Deno.stdin.read(new Uint8Array(1));
over.abort();
console.log(streams);
Deno.exit(0);
