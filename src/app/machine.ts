/** What the program stands on: time, chance, and where events go. */

import type { Clock, Random } from "../platform/clock.ts";
import type { Emit } from "../report/event.ts";
import type { Masking } from "../report/secrets.ts";

export interface Machine {
  readonly clock: Clock;
  readonly random: Random;
  readonly emit: Emit;
  /** Takes secrets out of texts; absent where none are known. */
  readonly masking?: Masking;
}
