/** Signals by their names and numbers. @pure */

import type { ProcessSignal } from "./signals.ts";

/** Those that people end a process with, and Linux's numbers. */
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

/** From 1 on, as Linux numbers them on the processors that this program is made for. */
const NAMES =
  "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS"
    .split(" ");

/** `SIGTERM`; `SIG34` and so on for signals without a name. */
export function signalName(number: number): string {
  return `SIG${NAMES[number - 1] ?? number}`;
}
