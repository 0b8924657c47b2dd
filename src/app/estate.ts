/**
 * What outlives a configuration and is handed from one life to the next: the stores of spool
 * directories, the listening sockets, and the schedules with their state. A directory has one store and
 * a state file one scheduler, however many lives use it: locks and records are the process's.
 */

import { basename } from "@std/path";
import { ControlServer } from "../control/control_server.ts";
import { type JobControl, openJobControl } from "../control/job_control.ts";
import type { ControlRequest } from "../control/protocol.ts";
import type { KillOrder } from "../exec/kill_order.ts";
import { reasonOf } from "../platform/reason.ts";
import type { Admission } from "../schedule/admission.ts";
import type { JobSnapshot } from "../report/snapshot.ts";
import { Scheduler, type SchedulerOptions } from "../schedule/scheduler.ts";
import { type ComingStarts, comingTimes } from "../schedule/upcoming.ts";
import { Sockets, type SocketsOptions } from "../server/sockets.ts";
import { openPlatform, type Platform } from "../spool/platform.ts";
import { Store, type StoreOptions } from "../spool/store.ts";
import { Histories } from "./histories.ts";
import { Incoming } from "./incoming.ts";
import { StreamLeases } from "./leased.ts";
import type { Machine } from "./machine.ts";

/** A stop waits for a busy disk no longer; what is left in the journal is the next start's. */
export const FINISH_MS = 5000;

export interface PreparedSockets {
  takeOver(): void;
  discard(): Promise<void>;
}

interface SharedStore {
  readonly store: Store;
  /** Of this program, in its directory. */
  readonly control: ControlServer;
  users: number;
}

export class Estate {
  readonly platform: Platform = openPlatform();
  readonly #stores = new Map<string, SharedStore>();
  /** By the path of the state file. */
  readonly #schedulers = new Map<string, Scheduler>();
  /** Of schedules while there was no spool, by the path of the state file. */
  readonly #jobControls = new Map<string, { control: ControlServer; opened: JobControl }>();
  /** Schedulers that start nothing more, with the path of their state files. */
  readonly #ending = new Map<Scheduler, string>();
  readonly incoming: Incoming;
  readonly histories: Histories;
  readonly streams: StreamLeases;
  #sockets: Sockets | null = null;

  /** @param answer does what is asked for on the control socket of a directory */
  constructor(
    private readonly machine: Machine,
    private readonly answer: (request: ControlRequest, dir: string) => Promise<unknown>,
  ) {
    this.streams = new StreamLeases(machine);
    this.histories = new Histories(machine, this.platform);
    this.incoming = new Incoming(machine, this.platform);
  }

  /** The jobs of all schedules that go on. */
  jobs(): Omit<JobSnapshot, "lastSuccessAt">[] {
    return [...this.#schedulers.values()].flatMap((each) => each.snapshot());
  }

  /** Starts a job now. @returns undefined when no schedule has one of that name */
  runJob(name: string): Admission | undefined {
    for (const scheduler of this.#schedulers.values()) {
      const admission = scheduler.runNow(name);
      if (admission !== undefined) return admission;
    }
    return undefined;
  }

  /** Ends what runs of a job. @returns how many runs that were */
  async killJob(name: string, order: KillOrder): Promise<number> {
    const schedulers = [...this.#schedulers.values(), ...this.#ending.keys()];
    const counts = await Promise.all(schedulers.map((each) => each.kill(name, order)));
    return counts.reduce((sum, count) => sum + count, 0);
  }

  /** The starts of each job until then, `most` of each at most. */
  coming(untilAt: number, most: number): ComingStarts[] {
    const about = { host: Deno.hostname(), now: this.machine.clock.now() };
    return [...this.#schedulers.values()].flatMap((each) => each.lastSlots())
      .map(([job, last]) => ({
        job: job.name,
        times: comingTimes(job, { ...about, last }, most).filter((at) => at <= untilAt),
      }));
  }

  get sockets(): Sockets | null {
    return this.#sockets;
  }

  /** How many jobs run. */
  get running(): number {
    return [...this.#schedulers.values(), ...this.#ending.keys()].reduce(
      (sum, each) => sum + each.running,
      0,
    );
  }

  /**
   * The store of a directory, opened by its first user. The caller also calls {@link release}.
   *
   * @returns whether it is new, too
   * @throws {Deno.errors} when the directory cannot be made or written to
   */
  async store(options: Omit<StoreOptions, keyof Platform>): Promise<[Store, isNew: boolean]> {
    const known = this.#stores.get(options.dir);
    if (known !== undefined) {
      known.users++;
      return [known.store, false];
    }
    const { emit } = this.machine;
    const spool = basename(options.dir);
    const warn = (message: string) => emit({ type: "spool.warning", spool, message });
    const store = await Store.open({ ...options, ...this.platform, journal: { warn } });
    const { clock } = this.machine;
    const sockets = store.controlSockets;
    const control = new ControlServer({
      sockets,
      clock,
      warn,
      answer: (request) => this.answer(request, options.dir),
    });
    this.#stores.set(options.dir, { store, control, users: 1 });
    await control.open();
    return [store, true];
  }

  /** Its last user lets go of it when all that was accepted is on disk where it belongs, or after a while. */
  async release(store: Store): Promise<void> {
    const shared = this.#stores.get(store.dir);
    if (shared === undefined || --shared.users > 0) return;
    const late = Promise.withResolvers<void>();
    const cancel = this.machine.clock.after(FINISH_MS, late.resolve);
    await Promise.race([store.finishJournal(), late.promise]);
    cancel();
    // A new life may have asked for it meanwhile, or it is closed already.
    if (shared.users > 0 || this.#stores.get(store.dir) !== shared) return;
    this.#stores.delete(store.dir);
    this.histories.close(store.history.dir);
    shared.control.close();
    store.close();
  }

  /**
   * Opens the sockets that are not open yet. With `takeOver` all take tasks in the new way, and those
   * that are not named any more are closed; with `discard` all is as it was.
   *
   * @throws {Error} when one cannot be opened: then all is as it was
   */
  async openSockets(options: SocketsOptions): Promise<PreparedSockets> {
    const before = this.#sockets;
    const sockets = await Sockets.open(options, before);
    return {
      discard: () => sockets.release(),
      takeOver: () => {
        sockets.takeOver();
        this.#sockets = sockets;
        before?.release().catch((error) => {
          const message = `old sockets: ${reasonOf(error)}`;
          this.machine.emit({ type: "config.warning", message });
        });
      },
    };
  }

  /** Takes no more connections; resolves when those that are open have their answers. */
  async closeDoors(): Promise<void> {
    await this.#sockets?.close();
    this.#sockets = null;
    await this.incoming.end();
  }

  /** The scheduler of a state file runs these jobs from now on, and no other scheduler runs any. */
  schedule(options: SchedulerOptions, fail: (error: unknown) => void): Scheduler {
    const { statePath } = options;
    if (this.#stores.size === 0) this.#openJobControl(statePath);
    for (const [path, scheduler] of this.#schedulers) {
      if (path !== statePath) this.#endSchedule(path, scheduler);
    }
    const known = this.#schedulers.get(statePath);
    if (known !== undefined) {
      known.use(options).catch(fail);
      return known;
    }
    const scheduler = new Scheduler(options);
    this.#schedulers.set(statePath, scheduler);
    scheduler.start().catch(fail);
    return scheduler;
  }

  #endSchedule(path: string, scheduler: Scheduler): void {
    this.#schedulers.delete(path);
    this.#ending.set(scheduler, path);
    scheduler.stop().finally(() => {
      this.#ending.delete(scheduler);
      const isUsed = this.#schedulers.has(path) ||
        [...this.#ending.values()].includes(path);
      if (isUsed) return;
      this.histories.closeJobs(path);
      this.#closeJobControl(path);
    });
  }

  /** Where no spool has a control socket, the state of the jobs has one beside it. */
  #openJobControl(statePath: string): void {
    if (this.#jobControls.has(statePath)) return;
    const { clock, random, emit } = this.machine;
    const opened = openJobControl(statePath, { ...this.platform, clock, random });
    const control = new ControlServer({
      sockets: opened.controlSockets,
      clock,
      warn: (message) => emit({ type: "schedule.warning", message }),
      // No task has this directory.
      answer: (request) => this.answer(request, statePath),
    });
    this.#jobControls.set(statePath, { control, opened });
    void control.open();
  }

  #closeJobControl(statePath: string): void {
    const { control, opened } = this.#jobControls.get(statePath) ?? {};
    this.#jobControls.delete(statePath);
    control?.close();
    opened?.[Symbol.dispose]();
  }

  /** Starts no more jobs; resolves when those that run have ended. */
  async endSchedules(): Promise<void> {
    await Promise.all(
      [...this.#schedulers.values(), ...this.#ending.keys()].map((each) => each.stop()),
    );
  }

  /** Lets go of what nobody uses any more. */
  close(): void {
    this.histories.closeAll();
    for (const path of [...this.#jobControls.keys()]) this.#closeJobControl(path);
    for (const { store, control } of this.#stores.values()) {
      control.close();
      store.close();
    }
    this.#stores.clear();
  }
}
