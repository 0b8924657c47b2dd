/**
 * Logs refusals without letting a hostile peer flood the log: in each window the
 * first get a line each, the others are counted at its end.
 *
 * @pure
 */

import type { Cancel, Clock } from "../platform/clock.ts";
import type { Emit } from "../report/event.ts";
import type { RefusalError, RefusalKind } from "../wire/refusal.ts";

const WINDOW_MS = 10_000;
/** Lines of their own in each window. */
const MOST_TOLD = 20;

export class Refusals {
  #logged = 0;
  readonly #untold = new Map<RefusalKind, number>();
  #endOfWindow: Cancel | null = null;

  constructor(private readonly clock: Clock, private readonly emit: Emit) {}

  report(from: string, { kind, message }: RefusalError): void {
    this.#endOfWindow ??= this.clock.after(WINDOW_MS, () => this.#endWindow());
    if (this.#logged++ < MOST_TOLD) {
      this.emit({ type: "packet.refused", from, kind, reason: message });
    } else {
      this.#untold.set(kind, (this.#untold.get(kind) ?? 0) + 1);
    }
  }

  /** Logs what is left, and nothing after it. */
  close(): void {
    this.#endOfWindow?.();
    this.#endWindow();
  }

  #endWindow(): void {
    this.#endOfWindow = null;
    this.#logged = 0;
    if (this.#untold.size === 0) return;
    this.emit({ type: "packets.refused", counts: [...this.#untold], windowMs: WINDOW_MS });
    this.#untold.clear();
  }
}
