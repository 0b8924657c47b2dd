/** What `spooler` and `spooler run-once` share: a configuration that runs, and its log from its first line to its last. */

import { runApp } from "../app/app.ts";
import type { AppOptions } from "../app/app_options.ts";
import type { Loaded } from "../config/load.ts";
import { openNotifier } from "../daemon/notify.ts";
import { boundAllocator } from "../platform/allocator.ts";
import { systemClock, systemRandom } from "../platform/clock.ts";
import { loadPosix } from "../platform/posix.ts";
import { systemSignals } from "../platform/signals.ts";
import { VERSION } from "../platform/version.ts";
import type { Emit, Event } from "../report/event.ts";
import { announce } from "./announce.ts";
import { type Log, openLog } from "./log.ts";

export interface LoggedRun {
  readonly log: Log;
  readonly emit: Emit;
  /** Runs the configuration until it is stopped, or drained. */
  run(options: Pick<AppOptions, "reread" | "ready" | "drain">): Promise<void>;
}

export interface LoggedOptions {
  /** The program starts in the background, and its starter still reads stdout. */
  readonly keepsStdout?: boolean;
  /** Gets each event before the log has it. */
  readonly note?: (event: Event) => void;
}

/** @returns what `work` returns; the log is closed then */
export async function runLogged<T>(
  loaded: Loaded,
  { keepsStdout = false, note }: LoggedOptions,
  work: (run: LoggedRun) => Promise<T>,
): Promise<T> {
  const { config, secrets } = loaded;
  const posix = loadPosix();
  const endTrims = boundAllocator(systemClock);
  const log = openLog(posix, keepsStdout);
  const emit: Emit = (event) => {
    note?.(event);
    log.emit(event);
  };
  try {
    log.hide(secrets);
    log.use(config, false);
    announce(loaded, log);
    emit({ type: "program.started", version: VERSION, pid: Deno.pid, file: config.file });
    return await work({
      log,
      emit,
      run: (options) =>
        runApp(config, {
          machine: {
            clock: systemClock,
            random: systemRandom,
            emit,
            masking: log.masking,
          },
          signals: systemSignals,
          applied: (applied) => log.use(applied, true),
          reopenLog: () => log.reopen(),
          posix,
          notifier: openNotifier(posix),
          ...options,
        }),
    });
  } finally {
    endTrims();
    log.close();
  }
}
