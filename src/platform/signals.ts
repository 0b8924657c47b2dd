/** Signals of the operating system, as a seam that tests can replace. */

/** A signal by its name. */
export type ProcessSignal = Deno.Signal;

export interface Signals {
  /** Calls `action` at each of these signals, until the returned function is called. */
  on(signals: readonly Deno.Signal[], action: (signal: Deno.Signal) => void): () => void;
}

export const systemSignals: Signals = {
  on(signals, action) {
    const listeners = signals.map((signal) => {
      const listener = () => action(signal);
      Deno.addSignalListener(signal, listener);
      return () => Deno.removeSignalListener(signal, listener);
    });
    return () => listeners.forEach((remove) => remove());
  },
};
