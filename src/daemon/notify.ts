/**
 * Notifies a service manager, as in sd_notify(3): that the program is ready, that it reloads or
 * stops, what it does, and that it is alive.
 */

import type { Cancel, Clock } from "../platform/clock.ts";
import type { Posix } from "../platform/posix.ts";

export interface Notifier {
  ready(): void;
  reloading(): void;
  stopping(): void;
  status(text: string): void;
  /** Says that the program is alive as often as the manager asks for it, until {@link close}. */
  keepAlive(clock: Clock): void;
  close(): void;
}

/** For a program that no service manager has started. */
const SILENT: Notifier = {
  ready() {},
  reloading() {},
  stopping() {},
  status() {},
  keepAlive() {},
  close() {},
};

/** The variables by which the manager says where and how often; tasks must not see them. */
const VARIABLES = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"] as const;

/** Whether a service manager waits for this process. To be asked before {@link openNotifier}. */
export function isOfServiceManager(): boolean {
  return Boolean(Deno.env.get("NOTIFY_SOCKET"));
}

/** Takes the manager's variables out of the environment. */
export function openNotifier(posix: Posix | null): Notifier {
  const [socket, watchdogUsec, watchdogPid] = VARIABLES.map((name) => {
    const value = Deno.env.get(name);
    Deno.env.delete(name);
    return value;
  });
  if (!socket || posix === null) return SILENT;
  const send = (...lines: string[]) => {
    try {
      posix.sendDatagram(
        { kind: "unix", path: socket },
        new TextEncoder().encode(lines.join("\n")),
      );
    } catch {
      // A manager that does not listen is no reason to stop working.
    }
  };
  const isForUs = watchdogPid === undefined || watchdogPid === String(Deno.pid);
  // Half of the time that it waits, as sd_watchdog_enabled(3) recommends.
  const everyMs = isForUs && watchdogUsec ? Number(watchdogUsec) / 2000 : null;
  let cancel: Cancel = () => {};
  return {
    ready: () => send("READY=1", "STATUS=ready"),
    reloading: () =>
      send("RELOADING=1", `MONOTONIC_USEC=${posix.monotonicUsec()}`, "STATUS=reloading"),
    stopping: () => send("STOPPING=1", "STATUS=stopping"),
    status: (text) => send(`STATUS=${text.replaceAll("\n", " ")}`),
    keepAlive(clock) {
      if (everyMs === null || !(everyMs > 0)) return;
      const beat = () => {
        send("WATCHDOG=1");
        cancel = clock.after(everyMs, beat);
      };
      beat();
    },
    close: () => cancel(),
  };
}
