/**
 * The program from its start to its end: one life after the other, each with a configuration of its own.
 *
 * At a reload the new life starts beside the old one and takes over its spools, sockets and schedules.
 * The old one starts nothing more and ends when what it runs has ended. A stop waits for all lives.
 */

import type { Config } from "../config/config.ts";
import { doneOrAborted } from "../platform/aborting.ts";
import type { Cancel } from "../platform/clock.ts";
import { exitProcess } from "../platform/exit.ts";
import { ClockWatch, timeSinceBoot } from "../platform/clock_watch.ts";
import { reasonOf } from "../platform/reason.ts";
import { removePidFile } from "../daemon/pid_file.ts";
import { reapOrphans } from "../daemon/reaper.ts";
import { watchTouched } from "../platform/touched.ts";
import { EventCounters } from "../report/counters.ts";
import { UnderWayList } from "../report/under_way.ts";
import { EXIT_IMPOSSIBLE, ImpossibleStateError, placeOf } from "../platform/unexpected.ts";
import type { AppOptions } from "./app_options.ts";
import { becomeUser } from "./become_user.ts";
import { DRAINED, drained } from "./drain.ts";
import { guardParts } from "./guard.ts";
import { Estate } from "./estate.ts";
import { Life } from "./life.ts";
import type { Machine } from "./machine.ts";
import { watchMercy } from "./mercy.ts";
import { Operations } from "./operations.ts";
import { actOnSignals } from "./signals.ts";

/** How long what ends because of an impossible state may take. */
const LAST_MS = 10_000;

/**
 * Runs until a signal says stop; everything that was running has then ended.
 *
 * @throws what the start threw: then nothing has run
 */
export async function runApp(first: Config, options: AppOptions): Promise<void> {
  await new App(options).run(first);
}

class App {
  readonly #options: AppOptions;
  readonly #machine: Machine;
  readonly #underWay = new UnderWayList();
  readonly #counters: EventCounters;
  readonly #operations: Operations;
  readonly #estate: Estate;
  /** Aborted when what runs must end now. */
  readonly #abort = new AbortController();
  /** Aborted when the program stops, while it still waits for what runs. */
  readonly #stopping = new AbortController();
  readonly #end = Promise.withResolvers<string>();
  /** Takes an unexpected error of a part, while the others go on. */
  readonly #failed: (error: unknown) => void;
  /** Lives that start nothing more, until what they run has ended. */
  readonly #retiring = new Map<Life, Promise<void>>();
  #life: Life | null = null;
  #reloading: Promise<void> | null = null;
  #reloadAgain: string | null = null;
  #cancelTouch: Cancel = () => {};
  /** Why it ends although nobody has asked it to. */
  #impossible: ImpossibleStateError | null = null;

  constructor(options: AppOptions) {
    this.#options = options;
    const { machine } = options;
    const counters = this.#counters = new EventCounters(machine);
    this.#machine = {
      ...machine,
      emit: (event) => {
        this.#underWay.note(event, machine.clock);
        this.#counters.note(event);
        machine.emit(event);
      },
    };
    const estate = this.#estate = new Estate(
      this.#machine,
      (...asked) => this.#operations.answer(...asked),
    );
    this.#operations = new Operations({
      ...{ machine: this.#machine, counters, estate },
      life: () => this.#life,
      lives: () => this.#lives,
      isStopping: () => this.#stopping.signal.aborted,
    });
    this.#end.promise.catch(() => {});
    const { clock, emit } = this.#machine;
    this.#failed = guardParts({ clock, emit, fatal: (error) => this.#fatal(error) });
  }

  async run(first: Config): Promise<void> {
    // Until the process is gone: an impatient signal must not spoil its exit code.
    actOnSignals(this.#options.signals, {
      stop: (signal) => this.#stop(signal),
      hurry: (signal) => {
        this.#stop(signal);
        this.#abort.abort();
      },
      reload: (signal) => this.#reload(signal),
      status: () => this.#status(),
      reopenLog: () => this.#options.reopenLog(),
    });
    const { posix, notifier, drain } = this.#options;
    const { clock, emit } = this.#machine;
    posix?.withstandRealTimeSignals();
    const clockWatch = new ClockWatch({
      clock,
      elapsed: timeSinceBoot(clock),
      jumped: (byMs) => {
        emit({ type: "clock.set", byMs: Math.round(byMs) });
        for (const life of this.#lives) life.clockWasSet();
      },
    });
    const stopReaping = reapOrphans(first.daemon, posix, clock);
    try {
      await this.#begin(first);
      this.#options.ready(() => this.#operations.snapshot(), this.#operations.actions);
      notifier.ready();
      notifier.keepAlive(clock);
      if (drain && this.#life) {
        drained(this.#life, drain, clock, this.#stopping.signal)
          .then(() => this.#stop(DRAINED), this.#failed);
      }
      const reason = await this.#end.promise;
      emit({ type: "program.stopping", reason, running: this.#running });
    } finally {
      this.#stopping.abort();
      notifier.stopping();
      await this.#endWork();
      for (const { path } of first.daemon.pidFiles) removePidFile(path);
      stopReaping();
      clockWatch.stop();
      notifier.close();
    }
    if (this.#impossible !== null) throw this.#impossible;
    emit({ type: "program.stopped" });
  }

  get #lives(): Life[] {
    return [...this.#retiring.keys(), ...this.#life ? [this.#life] : []];
  }

  get #running(): number {
    return this.#lives.reduce((sum, life) => sum + life.running, 0) + this.#estate.running;
  }

  #stop(reason: string): void {
    this.#stopping.abort();
    this.#end.resolve(reason);
  }

  /** Ends what runs, and itself: tasks stay in the spool, uncharged. */
  #fatal(error: ImpossibleStateError): void {
    const { emit, clock } = this.#machine;
    const exitCode = EXIT_IMPOSSIBLE;
    this.#impossible ??= error;
    emit({ type: "program.impossible", message: error.message, place: placeOf(error), exitCode });
    this.#stopping.abort();
    this.#abort.abort();
    this.#end.reject(error);
    // To take it apart in order may be impossible, too.
    clock.after(LAST_MS, () => exitProcess(exitCode));
  }

  /** Opens a life and lets it take over; when it cannot be opened, all is as it was. */
  async #begin(config: Config): Promise<void> {
    const before = this.#life;
    const monitors = await this.#operations.prepare(config);
    const next = await Life.open(config, {
      machine: this.#machine,
      estate: this.#estate,
      abort: this.#abort.signal,
      stopping: this.#stopping.signal,
      isDrain: this.#options.drain !== undefined,
      ...(before === null
        ? { socketsOpen: () => becomeUser(config, this.#options.posix, this.#machine.emit) }
        : {}),
    }, before).catch(async (error) => {
      await monitors.discard();
      throw error;
    });
    if (this.#stopping.signal.aborted) return await next.discard();
    this.#options.applied(config);
    this.#life = next;
    next.takeOver(this.#failed);
    monitors.takeOver();
    const ready = before === null ? this.#estate.incoming.tookOver() : this.#succeed(before, next);
    this.#cancelTouch();
    const { touchReload } = config.daemon;
    const { clock, emit } = this.#machine;
    this.#cancelTouch = watchTouched(touchReload, clock, (file) => this.#reload(file));
    await ready;
    emit({ type: "program.ready" });
  }

  /** Resolves when the life before is not needed any more; it goes on to end what it runs. */
  #succeed(before: Life, next: Life): Promise<void> {
    // Until then what comes in may still go into its spools.
    const taken = this.#estate.incoming.tookOver();
    // A stop does not wait for modules.
    const ready = taken.then(() => doneOrAborted(next.loaded(), this.#stopping.signal));
    const retired = ready.then(() => before.retire())
      .finally(() => this.#retiring.delete(before));
    this.#retiring.set(before, retired);
    retired.catch(this.#failed);
    return ready;
  }

  /** Reloads, and once more when it was asked for meanwhile. */
  #reload(reason: string): void {
    if (this.#reloading !== null) {
      this.#reloadAgain = reason;
      return;
    }
    this.#reloading = this.#reloadOnce(reason).finally(() => {
      this.#reloading = null;
      const again = this.#reloadAgain;
      this.#reloadAgain = null;
      if (again !== null && !this.#stopping.signal.aborted) this.#reload(again);
    });
  }

  async #reloadOnce(reason: string): Promise<void> {
    const { emit } = this.#machine;
    const { notifier } = this.#options;
    notifier.reloading();
    try {
      const config = await this.#options.reread();
      if (config === null || this.#stopping.signal.aborted) return;
      emit({ type: "program.reloading", reason, running: this.#running });
      await this.#begin(config);
    } catch (error) {
      const message = `the new configuration cannot start, the old one stays: ${reasonOf(error)}`;
      emit({ type: "config.warning", message });
    } finally {
      if (!this.#stopping.signal.aborted) notifier.ready();
    }
  }

  /** Takes nothing more in, waits for what runs as long as the ini allows, and then ends it. */
  async #endWork(): Promise<void> {
    this.#cancelTouch();
    const cancel = this.#watchMercy();
    try {
      const ends = [
        ...[this.#reloading, this.#estate.closeDoors(), this.#estate.endSchedules()],
        ...[this.#life?.retire(), ...this.#retiring.values()],
      ];
      // An error of one part cuts no other short.
      await Promise.all(ends.map((end) => end?.catch(this.#failed)));
    } finally {
      cancel();
      await this.#operations.close().catch(this.#failed);
      this.#estate.close();
    }
  }

  #watchMercy(): Cancel {
    const { clock, emit } = this.#machine;
    return watchMercy({
      clock,
      mercyMs: this.#life?.config.daemon.mercyMs ?? 0,
      waiting: (leftMs) => {
        if (this.#running === 0) return;
        emit({ type: "program.waiting", ...this.#named(), leftMs });
        this.#options.notifier.status(`stopping: waiting for ${this.#running} running`);
      },
      end: () => this.#abort.abort(),
      stuck: () => this.#fatal(new ImpossibleStateError("the stop does not end")),
    });
  }

  #named(): { readonly running: number; readonly names: readonly string[] } {
    const names = this.#underWay.oldest(this.#machine.clock.monotonic());
    return { running: this.#running, names };
  }

  /** SIGUSR1. */
  #status(): void {
    const spools = (this.#life?.dispatchers ?? []).map((each) => each.status);
    this.#machine.emit({ type: "program.status", ...this.#named(), spools });
  }
}
