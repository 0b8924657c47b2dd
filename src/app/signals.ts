/**
 * What signals do: SIGTERM and SIGINT stop the program, SIGQUIT stops it at once, SIGHUP reads the ini
 * again, SIGUSR1 logs a status, SIGUSR2 opens the log anew. All others that would end a program unasked
 * are ignored.
 */

import { exitProcess } from "../platform/exit.ts";
import type { Signals } from "../platform/signals.ts";

export interface SignalActions {
  /** Stop when what runs has ended. */
  stop(signal: string): void;
  /** Stop, and end what runs. */
  hurry(signal: string): void;
  reload(signal: string): void;
  status(): void;
  reopenLog(): void;
}

/** A Ctrl-C through a wrapper arrives twice, from the terminal and from the wrapper: that is one. */
const SAME_SIGNAL_MS = 500;

const IGNORED: readonly Deno.Signal[] = [
  ...["SIGALRM", "SIGVTALRM", "SIGPROF", "SIGIO", "SIGPWR", "SIGSTKFLT", "SIGXCPU"] as const,
  ...["SIGXFSZ", "SIGTTIN", "SIGTTOU"] as const,
];

/** Ends what process 1 does with a stop while it starts. */
let endOfStart = () => {};

/** While the program starts: what would be a reload or a status then ends nothing, and a stop ends it. */
export function withstandSignals(signals: Signals): void {
  signals.on(["SIGHUP", "SIGUSR1", "SIGUSR2", ...IGNORED], () => {});
  // Other processes end by themselves; from process 1 the kernel keeps what it does not handle.
  if (Deno.pid !== 1) return;
  endOfStart = signals.on(["SIGTERM", "SIGINT", "SIGQUIT"], (signal) => {
    console.error(`spooler: stopped by ${signal} before it was ready; nothing has run`);
    exitProcess(0);
  });
}

/** Acts on signals from now on. */
export function actOnSignals(signals: Signals, actions: SignalActions): void {
  endOfStart();
  let stoppingSince: number | null = null;
  signals.on(["SIGINT", "SIGTERM"], (signal) => {
    const now = performance.now();
    if (stoppingSince === null) actions.stop(signal);
    else if (now - stoppingSince > SAME_SIGNAL_MS) actions.hurry(signal);
    stoppingSince ??= now;
  });
  signals.on(["SIGQUIT"], (signal) => {
    stoppingSince ??= performance.now();
    actions.hurry(signal);
  });
  signals.on(["SIGHUP"], (signal) => {
    if (stoppingSince === null) actions.reload(signal);
  });
  signals.on(["SIGUSR1"], () => actions.status());
  signals.on(["SIGUSR2"], () => actions.reopenLog());
  signals.on(IGNORED, () => {});
}
