/**
 * The store: all that can be done with the files of one spool directory. Its parts are the only code
 * that creates, renames, touches or removes a file there; this file is longer than 300 lines because it
 * is the list of what they offer.
 *
 * Commit points: a task is accepted when `put` returns (file synced, renamed, directory synced);
 * it is done when its name is unlinked; it is deferred when its mtime is set; it is failed when it is
 * renamed into failed/. Each is one system call, so that a crash leaves the task before or after.
 */

import { freeBytes, weakness } from "../platform/file_system.ts";
import type { NewTask } from "../task/new_task.ts";
import type { Var } from "../wire/packet.ts";
import { AcceptedIds, type KnownIds } from "./accepted_ids.ts";
import { ControlSockets } from "./control_sockets.ts";
import { SpoolDirectory, type StoreOptions, type StoreSettings } from "./directory.ts";
import { type ExpiredTask, removeFailedBefore } from "./expiry.ts";
import { FailedCount } from "./failed_count.ts";
import { HistoryFiles } from "./history_files.ts";
import { Intake, type OnAccepted } from "./intake.ts";
import type { JournalPlace } from "./journal.ts";
import { Landing } from "./landing.ts";
import { HISTORY_DIR, refOf, taskId, type TaskRef } from "./layout.ts";
import { Listing } from "./listing.ts";
import { OperatorChanges } from "./operator.ts";
import { Records } from "./records.ts";
import { type RunningBatch, RunningMarks } from "./running.ts";
import { Scanner, type ScanOptions } from "./scan.ts";
import { StoreJournal } from "./store_journal.ts";
import { sweep } from "./sweep.ts";
import { TaskCount } from "./task_count.ts";
import { readTask } from "./task_file.ts";
import type {
  Attempts,
  Changed,
  Claimed,
  ClaimedTask,
  Decided,
  FailedRecord,
  SeenTask,
} from "./task.ts";
import { UniqueTasks } from "./unique_tasks.ts";
import { Transitions } from "./transitions.ts";
import { namesIn, Waits } from "./waits.ts";
import { type SpoolChange, type SpoolWatcher, watchSpool } from "./watcher.ts";

export type { StoreOptions, StoreSettings } from "./directory.ts";
export { SpoolFullError } from "./room.ts";
export type { Attempts, Changed, Claimed, ClaimedTask, FailedRecord, SeenTask } from "./task.ts";

/** The sender of what no peer has sent. */
const LOCAL = "local";

export class Store {
  readonly dir: string;
  /** What ran here. */
  readonly history: HistoryFiles;
  readonly #spool: SpoolDirectory;
  readonly #records: Records;
  readonly #running: RunningMarks;
  readonly #scanner: Scanner;
  readonly #ids: AcceptedIds;
  #mayBeSwept = true;
  readonly #count: TaskCount;
  readonly #failedCount: FailedCount;
  readonly #landing = new Landing();
  readonly #journal: StoreJournal;
  readonly #intake: Intake;
  readonly #transitions: Transitions;
  readonly #operator: OperatorChanges;
  readonly #unique: UniqueTasks;
  readonly #waits: Waits;
  readonly controlSockets: ControlSockets;

  private constructor(options: StoreOptions) {
    this.dir = options.dir;
    this.#spool = new SpoolDirectory(options);
    this.history = new HistoryFiles(this.#spool, `${options.dir}/${HISTORY_DIR}`);
    this.#records = new Records(this.#spool);
    this.#running = new RunningMarks(this.#spool, options.random);
    this.#scanner = new Scanner(this.#spool);
    const windowMs = options.dedupWindowMs ?? 0;
    this.#ids = new AcceptedIds(this.#spool, { windowMs });
    const { random, limits } = options;
    this.#count = new TaskCount(() => this.#scanner.taskNames(), options.clock);
    const listing = () => new Listing(this.dir, this.#spool.root, this.#spool.claims);
    this.#failedCount = new FailedCount(
      () => listing().list({ states: ["failed"] }),
      options.clock,
    );
    this.#journal = new StoreJournal(this.#spool, this.#ids, options.clock, options.journal);
    const journal = () => this.#journal.intake();
    this.#unique = new UniqueTasks(this.#spool, (id) => this.#journal.done(id));
    this.#intake = new Intake(
      ...[this.#spool, this.#count, this.#ids, this.#landing, journal, random] as const,
      ...[this.#unique, limits] as const,
    );
    const parts = [this.#spool, this.#records, this.#running, this.#unique] as const;
    this.#transitions = new Transitions(...parts);
    this.#operator = new OperatorChanges(...parts);
    this.#waits = new Waits(this.#spool);
    this.controlSockets = new ControlSockets(this.#spool, random);
  }

  /**
   * Opens a spool directory and makes what is missing of it.
   *
   * @throws {Deno.errors} when it cannot be made or written to
   */
  static async open(options: StoreOptions): Promise<Store> {
    const store = new Store(options);
    try {
      await store.#open(options.dedupWindowMs !== undefined);
    } catch (error) {
      store.close();
      throw error;
    }
    return store;
  }

  async #open(takesFromPeers: boolean): Promise<void> {
    this.prepare();
    const journalled = this.#journal.takeOver();
    if (takesFromPeers) {
      await this.#unique.recover();
      this.#mayBeSwept = this.#ids.recover(journalled);
    }
    this.#journal.begin();
  }

  /** The store of a directory that is taken as it is: nothing is made. */
  static on(options: StoreOptions): Store {
    return new Store(options);
  }

  /** Goes on with other settings. */
  use({ fsync, limits, dedupWindowMs }: StoreSettings): void {
    this.#spool.fsync = fsync;
    this.#intake.use(limits);
    this.#ids.use(dedupWindowMs ?? 0);
  }

  /** What the spool's file system cannot promise about a power cut; null with fsync off, too. */
  weakness(): string | null {
    const { fsync, presence } = this.#spool;
    return fsync && presence ? weakness(presence.device) : null;
  }

  /**
   * Makes the directories that are missing, and writes the known ids again when their file is gone.
   *
   * @returns whether the spool directory itself was made
   * @throws {Error} when they cannot be made or written to, or are not to be used
   */
  prepare(): boolean {
    const made = this.#spool.prepare();
    this.#ids.renew();
    return made;
  }

  /**
   * Removes what nobody needs any more: files in tmp whose writer died (they were never acknowledged),
   * and records and marks of tasks that are gone. Returns how many half-written files there were.
   */
  sweep(): number {
    return this.#mayBeSwept ? sweep(this.#spool, this.#records) : 0;
  }

  /**
   * Another thread takes tasks from peers from now on, and remembers their ids.
   *
   * @returns see {@link AcceptedIds.handOn}
   */
  handOnIds(): KnownIds | null {
    return this.#ids.handOn();
  }

  /** See {@link SpoolDirectory.identity}. */
  identity(): Promise<string> {
    return this.#spool.identity();
  }

  /** Nothing of this store runs any more: what said so is removed. */
  endRuns(): void {
    this.#running.close();
  }

  pathOf(ref: TaskRef): string {
    return this.#spool.pathOf(ref);
  }

  /**
   * Accepts a task: when this resolves it is in the directory and, unless fsync is off, on disk. When it
   * throws the directory is as it was. Tasks run in the order of the calls.
   *
   * @param accepted is called before anybody starts it
   * @returns its name, or that of the task that stands for it, because it has its key
   * @throws {SpoolFullError} when the spool's limits are reached
   * @throws {PacketError} when the vars do not fit into a packet
   * @throws {Deno.errors} when the disk is full, the directory gone, …
   */
  put(task: NewTask, accepted: OnAccepted = () => {}): Promise<TaskRef> {
    return this.#intake.put(task, accepted);
  }

  /**
   * Like {@link put}, for a task that a peer may send again: an id that was accepted within the
   * window is not put a second time. For a store that was opened with `dedupWindowMs`.
   *
   * @param sender whose id it is, without blanks: others may give the same to tasks of their own
   * @returns null when it was accepted before
   * @throws {RefusalError} when the sender gave it to a task with other content
   */
  putOnce(
    task: NewTask,
    id: string,
    sender = LOCAL,
    accepted: OnAccepted = () => {},
  ): Promise<TaskRef | null> {
    return this.#intake.putOnce(task, { id, sender }, accepted);
  }

  /** The name of the task that was accepted with this id, as long as the file of ids has it. */
  acceptedName(id: string, sender = LOCAL): string | null {
    return this.#ids.nameOf({ id, sender });
  }

  /**
   * A journal for a thread that takes tasks; null where there is none now. Call {@link cameIn} when it
   * has taken some. That thread has ended before {@link close}, which closes the descriptor.
   */
  openJournal(): JournalPlace | null {
    return this.#spool.fsync ? this.#journal.open() : null;
  }

  /** Tasks have come in by a journal of {@link openJournal}. */
  cameIn(): void {
    this.#journal.poke();
  }

  /** Nothing comes in any more: resolves when all that did is on disk where it belongs. */
  async finishJournal(): Promise<void> {
    await this.#journal.finish();
  }

  /** Lets go of the files of its own: the accepted ids, the journals, and what runs. */
  close(): void {
    this.#journal.close();
    this.#ids.close();
    this.endRuns();
    this.#spool.close();
  }

  /**
   * Everything that has a task's name, in pieces, so that a huge directory can be worked on. What has
   * a priority comes first.
   */
  scan(options: ScanOptions = {}): Generator<SeenTask[]> {
    this.noteDeadPrograms();
    const { isKnown = () => false } = options;
    return this.#scanner.scan({
      ...options,
      isKnown: (id) => isKnown(id) || this.#landing.hides(id),
    });
  }

  /** Notes whose tasks ran in programs that have died since; each scan begins with it. */
  noteDeadPrograms(): void {
    this.#running.refresh();
  }

  /** See {@link Scanner.isAsScanned}. */
  isAsScanned(): boolean {
    return this.#scanner.isAsScanned();
  }

  /** See {@link watchSpool}; `notify` is never called before this has returned. */
  watch(notify: (change: SpoolChange) => void): SpoolWatcher {
    const { root, clock, presence } = this.#spool;
    // Somebody else may have prepared another directory meanwhile: that one is not watched.
    const isOther = () => this.#spool.presence?.identity !== presence?.identity;
    const watcher = watchSpool({
      ...{ dir: this.dir, libc: root?.libc ?? null, clock },
      notify: (change) => {
        if (change.kind !== "task" || !this.#landing.hides(taskId(change.ref))) notify(change);
      },
      absence: () => this.#spool.absence() ?? (isOther() ? "the directory was replaced" : null),
    });
    const ignore = this.#landing.listen((ref) => notify({ kind: "task", ref, isNew: false }));
    return {
      get isComplete() {
        return watcher.isComplete;
      },
      watchPriority: (priority) => watcher.watchPriority(priority),
      close: () => {
        ignore();
        return watcher.close();
      },
    };
  }

  /** Sub-directories with tasks that never run: `5x/`, `urgent/`, … */
  stranded(): string[] {
    return this.#scanner.stranded();
  }

  /** One task as it is now; null when it is gone or no file. */
  see(ref: TaskRef): SeenTask | null {
    return this.#scanner.see(ref);
  }

  /**
   * Locks a task and reads it. The caller settles or releases the {@link ClaimedTask}.
   * A file that is no task is moved to failed/ with its reason.
   */
  claim(ref: TaskRef): Claimed {
    return this.#transitions.claim(ref);
  }

  /**
   * Whether tasks of a priority can be handed to somebody who does not ask before each whether it could
   * be removed.
   */
  mayRunUnread(priority: string | null): boolean {
    return this.#transitions.isRemovalFree(priority);
  }

  /** Another one means that the file has changed, or is another; null when it is gone. */
  stampOf(ref: TaskRef): string | null {
    const stat = this.#spool.claims.lstat(this.pathOf(ref));
    return stat && `${stat.identity} ${stat.size} ${stat.ctimeMs}`;
  }

  /** Names of the tasks that one waits for, whose time says that it may; none when it does not. */
  readAfter(ref: TaskRef): readonly string[] {
    return namesIn(this.varsOf(ref) ?? []);
  }

  /** Where a task of this name is; `gone` is done, or removed, or never there. */
  placeOf(name: string): "queue" | "failed" | "gone" {
    return this.#waits.placeOf(name);
  }

  /** Claims a task that waits for others. */
  claimWaiting(ref: TaskRef): Claimed {
    return this.#transitions.claim(ref, Infinity);
  }

  /**
   * A task has waited for others: it is due now, or at its `at`.
   *
   * @returns that time, in milliseconds since the epoch; null when it waits no more, or is in use
   */
  endWait(ref: TaskRef): number | null {
    return this.#waits.end(ref);
  }

  /** The identity of a task's file; null when it is gone. */
  fileOf(ref: TaskRef): string | null {
    return this.#spool.claims.lstat(this.pathOf(ref))?.identity ?? null;
  }

  /** Whether somebody runs the task, or writes it. Nobody notices the question. */
  isLocked(ref: TaskRef): boolean {
    const file = this.#spool.claims.peek(this.pathOf(ref));
    if (file.kind !== "open") return false;
    file.close();
    return file.locked;
  }

  /** What the file of a task says, as `claim` reads it; null when it cannot be read now. Nobody notices the question. */
  varsOf(ref: TaskRef): readonly Var[] | null {
    const file = this.#spool.claims.peek(this.pathOf(ref));
    if (file.kind !== "open") return null;
    try {
      const read = readTask(file);
      return read.kind === "task" ? read.vars : null;
    } finally {
      file.close();
    }
  }

  /** What is known of a task's failures, whichever process holds it. */
  attemptsOf(ref: TaskRef): Attempts | null {
    return this.#records.knownAttempts(ref);
  }

  /** Why a task was given up, unless another of its name was before; null when nothing says so. */
  failedRecordOf(ref: TaskRef): FailedRecord | null {
    return this.#records.failed(this.#spool.failedPathOf(ref));
  }

  /** Ids of the tasks that have failed, or during whose run the program died. */
  remembered(): Set<string> {
    return new Set([...this.#records.withAttempts().map(taskId), ...this.#running.crashed()]);
  }

  /**
   * These tasks begin to run in a worker, one after the other. Should this program die meanwhile, the
   * next claims of those that are left say so. Null where that cannot be noted.
   */
  beginBatch(ids: readonly string[]): RunningBatch | null {
    return this.#running.beginBatch(ids);
  }

  /** The end of {@link beginBatch}. */
  endBatch(batch: RunningBatch): void {
    this.#running.endBatch(batch);
  }

  /** The task begins to run. Should this program die meanwhile, the next claim says so. */
  begin(task: ClaimedTask): void {
    this.#transitions.begin(task);
  }

  /** Of a task that has begun: which process runs it, as platform/orphans.ts names one. */
  noteProcess(task: ClaimedTask, stamp: string): void {
    this.#running.noteProcess(task, stamp);
  }

  /** The process of the task's last run, whose program died meanwhile; null when it is not known. */
  crashedProcess(ref: TaskRef): string | null {
    return this.#running.crashedProcess(ref);
  }

  /** The task stays as it is, ready: its run was broken off by us. */
  giveBack(task: ClaimedTask): void {
    this.#transitions.giveBack(task);
  }

  /** What is known of a task that was put just now, and has failed elsewhere. */
  noteAttempts(ref: TaskRef, attempts: Attempts): void {
    this.#records.writeAttempts(ref, attempts);
  }

  /** Remembers something about a task that goes on to run. */
  note(task: ClaimedTask, attempts: Attempts): void {
    this.#records.writeAttempts(task, attempts);
  }

  /**
   * The task has run, and what was decided cannot be written to its file: the next claim that can,
   * also behind a restart, does it and hands out nothing.
   */
  remember(task: ClaimedTask, attempts: Attempts, fate: Decided["fate"], reason: string): void {
    this.#transitions.remember(task, attempts, fate, reason);
  }

  /** The task is done: its name goes, then its lock. */
  finish(task: ClaimedTask): void {
    this.#transitions.finish(task);
    this.finished(taskId(task));
    this.#count.removed();
  }

  /** A task's file was unlinked because it is done: a power cut from now on need not put it back. */
  finished(id: string): void {
    this.#journal.done(id);
    this.#unique.release(refOf(id));
  }

  /** Removes claims of keys whose tasks are gone, a few at a time. */
  sweepKeys(): AsyncGenerator<void> {
    return this.#unique.sweep();
  }

  /**
   * The task runs again at `dueAt` (milliseconds since the epoch).
   *
   * @param attempts what to remember of its failures, when this run was one
   */
  defer(task: ClaimedTask, dueAt: number, attempts: Attempts | null): void {
    this.#transitions.defer(task, dueAt, attempts);
  }

  /** The task is not tried again: it goes to failed/, with the reason beside it. */
  fail(task: ClaimedTask, reason: string, attempts: Attempts | null): void {
    this.#transitions.fail(task, reason, attempts);
    this.#count.removed();
  }

  /**
   * A failed task gets a new life: it is ready now, and nothing is remembered of its failures. The
   * commit point is its rename out of failed/; a crash behind that leaves a record without a task,
   * which says nothing.
   */
  retryFailed(ref: TaskRef): Promise<Changed> {
    return this.#operator.retryFailed(ref);
  }

  /** A deferred task is ready now. What is known of its failures stays. */
  retryDeferred(ref: TaskRef): Promise<Changed> {
    return this.#operator.retryDeferred(ref);
  }

  /** The task is gone, with all that is known of it. The commit point is the unlink. */
  async remove(ref: TaskRef): Promise<Changed> {
    const changed = await this.#operator.remove(ref);
    if (changed.kind === "changed") this.#journal.done(taskId(ref));
    return changed;
  }

  /** Like {@link remove}, for a task that lies in failed/. */
  async removeFailed(ref: TaskRef): Promise<Changed> {
    const changed = await this.#operator.removeFailed(ref);
    if (changed.kind === "changed") this.#journal.done(taskId(ref));
    return changed;
  }

  /**
   * Removes tasks from failed/ that were given up before `before` (milliseconds since the epoch), in
   * pieces, some of them empty. What another process holds at the moment stays.
   */
  removeFailedBefore(before: number): Generator<ExpiredTask[]> {
    return removeFailedBefore(this.#spool, this.#records, before);
  }

  /** How many tasks lie in failed/; a number that is a little old, where they are many. */
  failedCount(): Promise<number> {
    return this.#failedCount.read();
  }

  /** Free bytes of its file system; null where it does not say. */
  freeBytes(): number | null {
    return freeBytes(this.dir);
  }

  /** Whether an operator has stopped the work on this spool. */
  get paused(): boolean {
    return this.#operator.paused;
  }

  /** Nothing is started here any more, also not after a restart; false when that was so before. */
  pause(): Promise<boolean> {
    return this.#operator.pause();
  }

  /** The end of {@link pause}; false when there was none. */
  resume(): Promise<boolean> {
    return this.#operator.resume();
  }
}
