/**
 * What takes tasks from peers, over all configurations: a thread of its own where libc can be called, and
 * otherwise the event loop. Signatures that were used are remembered over a reload.
 */

import { ImpossibleStateError } from "../platform/unexpected.ts";
import { socketCalls } from "../platform/socket_calls.ts";
import type { Accept } from "../server/incoming_task.ts";
import type { AcceptedGroup } from "../server/accepted_batch.ts";
import { IntakeClient } from "../server/intake_client.ts";
import type { OwnTask } from "../server/intake_messages.ts";
import { inboxOf, Reception, type Spool } from "../server/reception.ts";
import type { ReceptionConfig } from "../server/settings.ts";
import type { SocketService } from "../server/socket_server.ts";
import { newReplays } from "../server/verifier.ts";
import type { Platform } from "../spool/platform.ts";
import type { JournalPlace } from "../spool/journal.ts";
import type { KnownIds } from "../spool/accepted_ids.ts";
import type { TaskRef } from "../spool/layout.ts";
import { OwnNames } from "../spool/own_names.ts";
import type { Store } from "../spool/store.ts";
import type { SeenTask } from "../spool/task.ts";
import { funcOf } from "../task/request.ts";
import type { Machine } from "./machine.ts";

/** Called with the tasks that came into the spool at `dir`. */
export type Announce = (dir: string, tasks: readonly SeenTask[]) => void;

/** What takes over at the start of a life. */
export interface TakeOver {
  readonly spools: readonly Spool[];
  readonly dedupWindowMs: number;
  readonly announce: Announce;
  /** Called when the thread ends, which it must not. */
  readonly fail: (error: unknown) => void;
}

export class Incoming {
  readonly #replays = newReplays();
  readonly #machine: Machine;
  readonly #calls;
  /** By directory. */
  readonly #stores = new Map<string, Store>();
  readonly #journals = new WeakMap<Store, JournalPlace>();
  readonly #names = new Map<string, OwnNames>();
  #thread: IntakeClient | null = null;
  #announce: Announce = () => {};
  #fail: (error: unknown) => void = () => {};

  constructor(machine: Machine, { libc }: Platform) {
    this.#machine = machine;
    this.#calls = libc === null ? null : socketCalls();
  }

  /** Whether tasks from peers come in by a thread, which then remembers their ids. */
  get hasThread(): boolean {
    return this.#calls !== null;
  }

  /** Whether a task of this name, in the spool at `dir`, is still to be accepted by the thread. */
  isAwaited(dir: string, name: string): boolean {
    return this.#namesIn(dir)?.isAwaited(name) ?? false;
  }

  #namesIn(dir: string): OwnNames | null {
    const known = this.#names.get(dir);
    if (known !== undefined || this.#thread === null) return known ?? null;
    const names = new OwnNames(Deno.pid, this.#thread.mark);
    this.#names.set(dir, names);
    return names;
  }

  /**
   * What serves plain sockets; null leaves them to the event loop. It is started for the first socket: a
   * program without one does not pay for it.
   */
  service(): SocketService | null {
    if (this.#thread !== null || this.#calls === null) return this.#thread;
    const { emit, random } = this.#machine;
    return this.#thread = new IntakeClient({
      ...{ calls: this.#calls, emit },
      accepted: (groups) => this.#take(groups),
      journalClosed: (dir) => this.#renewJournal(dir),
      gone: (dir, id) => this.#stores.get(dir)?.finished(id),
      // Nobody else takes tasks: to go on in silence would be to refuse them all.
      failed: ({ message }) => this.#fail(new ImpossibleStateError(message)),
    }, random());
  }

  /** What serves them already, for a configuration without sockets: null when there never were any. */
  get current(): SocketService | null {
    return this.#thread;
  }

  /**
   * Starts what serves plain sockets; resolves when that needs no more files.
   *
   * @throws {Error} when it does not come up
   */
  async up(): Promise<void> {
    try {
      await this.#thread?.start();
    } catch (error) {
      // The next configuration may have another.
      await this.end();
      throw error;
    }
  }

  #take(groups: readonly AcceptedGroup[]): void {
    const { emit } = this.#machine;
    const byDir = new Map<string, SeenTask[]>();
    for (const { dir, func, from, priority, names, dueAts } of groups) {
      const ownNames = this.#namesIn(dir);
      const tasks = byDir.get(dir) ?? [];
      byDir.set(dir, tasks);
      for (const [n, name] of names.entries()) {
        emit({ type: "task.accepted", task: name, func, from });
        ownNames?.accept(name);
        tasks.push({ name, priority, dueAt: dueAts[n] ?? 0 });
      }
    }
    for (const [dir, each] of byDir) {
      this.#announce(dir, each);
      this.#stores.get(dir)?.cameIn();
    }
  }

  /** Where connections of the event loop take their tasks to, once `opened` resolves. */
  accept(opened: Promise<Accept>): Accept {
    return (task, done) => void opened.then((accept) => accept(task, done), done);
  }

  /**
   * Puts a task whose sender gave it an id, and is known: not a second time.
   *
   * @returns null when it was accepted before
   * @throws {Error}
   */
  async putOnce(
    { store }: Pick<Spool, "store">,
    { task, sent, from }: Omit<OwnTask, "dir">,
  ): Promise<TaskRef | null> {
    if (this.#thread !== null) {
      return await this.#thread.put({ dir: store.dir, task, sent, from });
    }
    const func = funcOf(task);
    const { emit } = this.#machine;
    return await store.putOnce(task, sent.id, sent.sender, (ref) => {
      emit({ type: "task.accepted", task: ref.name, func, from });
    });
  }

  /** How the tasks of one configuration are taken. */
  receive(spools: readonly Spool[], config: ReceptionConfig): Accept {
    if (this.#thread !== null) return this.#thread.accept;
    const { clock, emit } = this.#machine;
    const reception = new Reception({
      ...{ spools: spools.map((spool) => inboxOf(spool, clock)), config, clock, emit },
      replays: this.#replays,
      accepted: (_spool, { name: task }, _dueAt, func, from) =>
        emit({ type: "task.accepted", task, func, from }),
    });
    return (task, done) => reception.accept(task, done);
  }

  /** Tasks go into these spools from now on, and are announced to what starts them. */
  takeOver({ spools, dedupWindowMs, announce, fail }: TakeOver): void {
    this.#announce = announce;
    this.#fail = fail;
    this.#stores.clear();
    for (const { config: { dir }, store } of spools) this.#stores.set(dir, store);
    const thread = this.#thread;
    if (thread === null) return;
    const known = new Map<string, KnownIds>();
    const places = spools.map(({ name, names, config, store }) => {
      const { dir, fsync, limits } = config;
      const ids = store.handOnIds();
      if (ids !== null) known.set(dir, ids);
      const journal = this.#journalOf(store, fsync);
      return { dir, name, names, fsync, limits, dedupWindowMs, journal };
    });
    thread.usePlaces(places, known);
  }

  /** Resolves when what comes in goes into the spools that have taken over. */
  async tookOver(): Promise<void> {
    await this.#thread?.used();
  }

  /** A store's journal for the thread, which keeps it as long as it can. */
  #journalOf(store: Store, fsync: boolean): JournalPlace | null {
    const known = this.#journals.get(store);
    if (known !== undefined || !fsync) return known ?? null;
    const place = store.openJournal();
    if (place !== null) this.#journals.set(store, place);
    return place;
  }

  /** Another one, where there can be one. */
  #renewJournal(dir: string): void {
    const store = this.#stores.get(dir);
    if (store === undefined) return;
    this.#journals.delete(store);
    const journal = this.#journalOf(store, true);
    this.#thread?.changePlaces((place) => place.dir === dir ? { ...place, journal } : place);
  }

  async end(): Promise<void> {
    const thread = this.#thread;
    this.#thread = null;
    await thread?.end();
  }
}
