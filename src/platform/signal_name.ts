/** Signals that end a process, by the names that people give them. @pure */

import type { ProcessSignal } from "./signals.ts";

/** Linux's numbers. */
const SIGNALS: readonly (readonly [ProcessSignal, number])[] = [
  ...[["SIGHUP", 1], ["SIGINT", 2], ["SIGQUIT", 3], ["SIGABRT", 6], ["SIGKILL", 9]] as const,
  ...[["SIGUSR1", 10], ["SIGUSR2", 12], ["SIGALRM", 14], ["SIGTERM", 15]] as const,
];

/** For messages. */
export const SIGNAL_NAMES: readonly string[] = SIGNALS.map(([name]) => name.slice("SIG".length));

/** `TERM`, `sigterm` or `15`; undefined for what is none of these signals. */
export function signalNamed(text: string): ProcessSignal | undefined {
  const name = text.toUpperCase().replace(/^(?!SIG)/, "SIG");
  return SIGNALS.find(([each, number]) => each === name || String(number) === text)?.[0];
}
