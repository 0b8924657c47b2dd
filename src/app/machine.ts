/** What the program stands on: time, chance, and where events go. */

import type { Clock, Random } from "../platform/clock.ts";
import type { Emit } from "../report/event.ts";

export interface Machine {
  readonly clock: Clock;
  readonly random: Random;
  readonly emit: Emit;
}
