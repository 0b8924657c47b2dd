/** What a target is made with. Types only. */

import type { Random } from "../platform/clock.ts";
import type { Emit } from "../report/event.ts";
import type { ConnectorOptions } from "./connector.ts";

export interface TargetOptions extends ConnectorOptions {
  /** As the ini has it, for the log. */
  readonly name: string;
  /** Open at the same time, at most. */
  readonly connections: number;
  readonly timeoutMs: number;
  /** The spool whose tasks it gets, for the log. */
  readonly spool: string;
  readonly random: Random;
  readonly emit: Emit;
  /** Called whenever it may take more, or less, than before. */
  changed(): void;
}
