/**
 * Finds the tasks of a spool directory for the table: by what the watcher reports, and by scans of the
 * whole directory. This file is
 * longer than 300 lines because scans and reports fill in for each other.
 */

import { apart } from "../platform/apart.ts";
import { type Clock, turnOfOthers } from "../platform/clock.ts";
import { reasonOf } from "../platform/reason.ts";
import { rethrowImpossible } from "../platform/unexpected.ts";
import type { Emit } from "../report/event.ts";
import type { Debug, DebugOf } from "../report/debug.ts";
import { MinuteCount } from "../report/minute_count.ts";
import type { Once } from "../report/once.ts";
import { taskId, type TaskRef } from "../spool/layout.ts";
import type { SeenTask, Store } from "../spool/store.ts";
import type { SpoolChange, SpoolWatcher } from "../spool/watcher.ts";
import { AnnouncedTasks } from "./announced_tasks.ts";
import type { Frequency } from "./frequency.ts";
import { SafetyNet } from "./safety_net.ts";
import { GONE, TOUCHED } from "./task_event.ts";
import type { Tasks } from "./tasks.ts";
import { counted } from "../platform/count_text.ts";

export interface DiscoveryOptions {
  /** Names the spool in the log. */
  readonly name: string;
  readonly store: Store;
  readonly frequency: Frequency;
  /** See the whole directory before the first task runs. */
  readonly ordered: boolean;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly once: Once;
  readonly tasks: Tasks;
  readonly debugOf?: DebugOf;
  /** Whether a task of this name is still to be accepted, and then announced. */
  readonly isAwaited?: (name: string) => boolean;
  /** A task was found, or found with another time: the table has it. */
  found(task: SeenTask): void;
  /** Somebody may have paused or resumed the spool. */
  notePause(): void;
  /** The whole directory was scanned. */
  scanned(): void;
  /** Something is known now that was not before: a task, the end of a scan. */
  changed(): void;
}

/**
 * After this time a scan lets others have the thread: workers with quick tasks are not to run dry because
 * nobody reads their answers.
 */
const SCAN_SLICE_MS = 2;
/**
 * Ready tasks that a scan finds of a directory that has more. The rest is scanned for when half of them
 * are gone, so that a million files cost no memory.
 */
const WINDOW = 100_000;
/** What the table has room for: a task that comes in is not refused because a scan has filled the window. */
export const CAPACITY = 2 * WINDOW;
/** After a directory could not be watched. */
const RETRY_MS = 1000;

export class Discovery {
  readonly #options: DiscoveryOptions;
  readonly #debugScan: Debug;
  readonly #debugWatcher: Debug;
  #watcher: SpoolWatcher | null = null;
  readonly #announced: AnnouncedTasks;
  #scanning = false;
  #scanAgain = false;
  #nextScanAt = 0;
  readonly #safetyNet: SafetyNet;
  /** The directory has more than the table had room for. */
  #incomplete = false;
  /** Somebody is to be told that something is known. */
  #isChanged = false;
  readonly #cameIn = new MinuteCount();
  #stopped = false;

  constructor(options: DiscoveryOptions) {
    this.#options = options;
    this.#safetyNet = new SafetyNet(options);
    this.#debugScan = options.debugOf?.("scan");
    this.#debugWatcher = options.debugOf?.("watcher");
    this.#announced = new AnnouncedTasks(options.isAwaited ?? (() => false));
  }

  /** The directory has more than the table has room for. */
  get isIncomplete(): boolean {
    return this.#incomplete;
  }

  /** Tasks that came in during the last minute; what a scan finds has come in before. */
  get lastMinuteIn(): number {
    return this.#cameIn.total(this.#options.clock.monotonic());
  }

  get isScanning(): boolean {
    return this.#scanning;
  }

  /** When the whole directory is to be scanned; the end of a scan sets it anew. */
  get scanAt(): number {
    return this.#scanning ? Infinity : Math.min(this.#nextScanAt, this.#options.tasks.horizon);
  }

  /** The table has run half empty, and the directory has more. */
  get isRunningDry(): boolean {
    return this.#incomplete && !this.#scanning &&
      this.#options.tasks.count("ready") < WINDOW / 2;
  }

  /**
   * Begins to watch the directory. To be called before the first {@link scan}: watched before it is
   * scanned, so that nothing falls between the two.
   */
  watch(): void {
    this.#watcher = this.#options.store.watch((change) => this.#take(change));
  }

  /** Finds nothing more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#watcher?.close();
  }

  /** Tasks have come in: what the watcher reports of their arrival adds nothing. */
  announce(tasks: readonly SeenTask[]): void {
    for (const task of tasks) {
      this.#announced.announce(taskId(task));
      this.#see(task);
    }
    this.#cameIn.add(this.#options.clock.monotonic(), tasks.length);
    this.#options.changed();
  }

  #take(change: SpoolChange): void {
    if (this.#stopped) return;
    this.#debugWatcher?.(
      `${change.kind} ${
        "ref" in change ? taskId(change.ref) : "reason" in change ? change.reason : ""
      }`,
    );
    switch (change.kind) {
      case "task":
        if (this.#announced.covers(taskId(change.ref), change.isNew)) return;
        this.#noteChange(change.ref);
        return this.#changedSoon();
      case "pause":
        this.#options.notePause();
        return this.#options.changed();
      case "unknown":
        this.scan();
        return;
      case "lost":
        this.#recover(change.reason);
        return;
      case "unwatched":
        this.#warn(`only scans find new tasks: ${change.reason}`);
        return;
      default:
        return change satisfies never;
    }
  }

  /** The kernel reports many changes at a time: what they are good for is found out once. */
  #changedSoon(): void {
    if (this.#isChanged) return;
    this.#isChanged = true;
    queueMicrotask(() => {
      this.#isChanged = false;
      if (!this.#stopped) apart(() => this.#options.changed());
    });
  }

  /** The directory was deleted or moved away: there is a new one from now on. */
  async #recover(reason: string): Promise<void> {
    const { store, emit, name, clock } = this.#options;
    try {
      await this.#watcher?.close();
      const made = store.prepare();
      if (this.#stopped) return;
      this.watch();
      const message = `${reason}; ${
        made ? `created ${store.dir} again` : `uses ${store.dir} again`
      }`;
      emit({ type: "spool.warning", spool: name, message });
      await this.scan();
    } catch (error) {
      this.#warn(`${reason}; accepts and starts no task until this is fixed: ${reasonOf(error)}`);
      if (!this.#stopped) clock.after(RETRY_MS, () => this.#stopped || this.#recover(reason));
    }
  }

  /** Something about one task's file has changed. */
  #noteChange(ref: TaskRef): void {
    const { tasks, store } = this.#options;
    const id = taskId(ref);
    const state = tasks.get(id);
    switch (state?.kind) {
      case "running":
      case "handed":
      case "settling":
        return tasks.apply(id, TOUCHED);
      // To let go of a file is an event, and must not lead to the next claim, and that to the next event.
      case "limited":
      case "stuck":
        return;
      case "held":
        if (store.isLocked(ref)) return;
        break;
      case "unusable":
        if (state.stamp !== null && state.stamp === store.stampOf(ref)) return;
    }
    const seen = store.see(ref);
    if (seen !== null && !state) this.#cameIn.add(this.#options.clock.monotonic());
    if (seen !== null) this.#see(seen);
    else if (state) tasks.apply(id, GONE);
  }

  #see(task: SeenTask): void {
    const { tasks, clock } = this.#options;
    if (!tasks.see(task, clock.now())) this.#incomplete = true;
    this.#options.found(task);
  }

  /** The time of a scan has come: made is only what a scan is needed for. */
  async scanIfNeeded(): Promise<void> {
    const { clock, frequency, notePause, changed } = this.#options;
    const mayBeLeftOut = !this.#scanning && !this.#incomplete &&
      this.#watcher?.isComplete === true && this.#safetyNet.isQuiet;
    if (!mayBeLeftOut) return await this.scan();
    this.#nextScanAt = clock.now() + frequency.ms;
    notePause();
    this.#safetyNet.checkLeftAlone();
    changed();
  }

  /** Scans the whole directory; tasks start while it goes on, unless the order is strict. */
  async scan(): Promise<void> {
    if (this.#scanning) {
      this.#scanAgain = true;
      return;
    }
    const { clock, frequency, notePause, changed, scanned } = this.#options;
    this.#scanning = true;
    try {
      do {
        this.#scanAgain = false;
        this.#incomplete = false;
        notePause();
        await this.#scanOnce();
        scanned();
      } while (this.#scanAgain && !this.#stopped);
    } catch (error) {
      rethrowImpossible(error);
      this.#warn(`cannot be scanned: ${reasonOf(error)}`);
    } finally {
      this.#scanning = false;
      this.#nextScanAt = clock.now() + frequency.ms;
    }
    changed();
  }

  async #scanOnce(): Promise<void> {
    const { store, clock, ordered, tasks, changed } = this.#options;
    // A scan finds what was announced; a report that is still to come is of a task that is known.
    this.#announced.clear();
    tasks.forgetHorizon();
    const before = tasks.leftAlone();
    const startedAt = clock.monotonic();
    let count = 0;
    this.#debugScan?.(
      `begins; ${counted(tasks.size, "task")} known, ${tasks.count("ready")} ready`,
    );
    let sliceEnd = clock.monotonic() + SCAN_SLICE_MS;
    const scan = store.scan({
      isKnown: (id) => tasks.isInView(id, clock.now()),
      onPriority: (priority) => this.#watcher?.watchPriority(priority),
      onStranded: (dir) =>
        this.#warn(
          `${dir}/ has tasks that never run: the name of a priority directory must be all digits`,
        ),
    });
    for (const found of scan) {
      for (const task of found) this.#see(task);
      count += found.length;
      if (!ordered && tasks.count("ready") >= WINDOW) {
        this.#incomplete = true;
        this.#debugScan?.(`ends early: ${WINDOW} tasks are ready, the rest waits in the directory`);
        return;
      }
      if (clock.monotonic() < sliceEnd) continue;
      if (!ordered) changed();
      await turnOfOthers();
      if (this.#stopped) return;
      sliceEnd = clock.monotonic() + SCAN_SLICE_MS;
    }
    const tookMs = clock.monotonic() - startedAt;
    this.#safetyNet.scanned(tookMs);
    this.#debugScan?.(
      `ends after ${Math.round(tookMs)} ms: ${counted(count, "task")} checked, ${tasks.size} known`,
    );
    // The scan has found those again that are still there.
    for (const task of before) {
      const id = taskId(task);
      if (tasks.get(id) === task && store.see(task) === null) tasks.apply(id, GONE);
    }
  }

  #warn(message: string): void {
    const { once, emit, name } = this.#options;
    if (once.isFirst(message)) emit({ type: "spool.warning", spool: name, message });
  }
}
