/**
 * The directories of leases, one for each stream whose tasks run here. Like a store, leases outlive a
 * configuration: the last life that uses them ends them.
 */

import { basename, dirname } from "@std/path";
import type { Leases } from "../cluster/leases.ts";
import type { StreamWorkConfig } from "../cluster/settings.ts";
import type { Debug } from "../report/debug.ts";
import type { Spool } from "../server/reception.ts";
import { makePrivateDirectory } from "../spool/private_directory.ts";
import type { Store } from "../spool/store.ts";
import type { Estate } from "./estate.ts";
import type { Machine } from "./machine.ts";

/** A stream's directory, in one life. */
export interface LeasedSpool extends Spool {
  readonly leases: Leases;
  readonly stream: StreamWorkConfig;
}

interface SharedLeases {
  readonly leases: Leases;
  users: number;
  /** Users that pull; one that only ends what it runs does not. */
  readonly pulling: Set<LeasedSpool>;
}

export class StreamLeases {
  /** By their directories. */
  readonly #shared = new Map<string, SharedLeases>();
  /** Those whose last user has gone, until their directory is empty. */
  readonly #ending = new Map<string, Promise<void>>();

  constructor(private readonly machine: Machine) {}

  /** The caller also calls {@link release} for each. */
  async *open(
    streams: readonly StreamWorkConfig[],
    stores: Pick<Estate, "store">,
  ): AsyncGenerator<LeasedSpool> {
    const { clock, random, emit } = this.machine;
    for (const stream of streams) {
      const { dir, limits, processes } = stream.spool;
      // It is in a place where everybody may make files.
      makePrivateDirectory(dirname(dir));
      const [store] = await stores.store({ dir, fsync: false, limits, clock, random });
      const leased = await this.#use(stream, store);
      emit({ type: "spool.opened", spool: leased.name, dir, processes });
      yield leased;
    }
  }

  async #use(config: StreamWorkConfig, store: Store): Promise<LeasedSpool> {
    const { dir } = store;
    const name = basename(dir);
    let shared = this.#shared.get(dir);
    if (shared === undefined) {
      // Whoever released them reports what goes wrong.
      await this.#ending.get(dir)?.catch(() => {});
      // A site without a stream has nothing of this.
      const { Leases } = await import("../cluster/leases.ts");
      const leases = new Leases({ ...this.machine, config, name, store });
      await leases.clear();
      shared = { leases, users: 0, pulling: new Set() };
      this.#shared.set(dir, shared);
    }
    shared.users++;
    return { name, names: [], config: config.spool, store, leases: shared.leases, stream: config };
  }

  /** Begins to pull, or goes on with the settings of this life. */
  start(leased: LeasedSpool, debug: Debug): void {
    this.#shared.get(leased.store.dir)?.pulling.add(leased);
    leased.leases.start(leased.stream, debug);
  }

  /** Nothing more is pulled where no other life does, and what waits goes back to the stream. */
  stop(leased: LeasedSpool): void {
    const pulling = this.#shared.get(leased.store.dir)?.pulling;
    if (pulling?.delete(leased) && pulling.size === 0) leased.leases.stopPulling();
  }

  /** The last user gives back to the stream what is left. */
  async release({ store, leases }: LeasedSpool): Promise<void> {
    const shared = this.#shared.get(store.dir);
    if (shared === undefined || --shared.users > 0) return;
    this.#shared.delete(store.dir);
    const ending = leases.end().finally(() => this.#ending.delete(store.dir));
    this.#ending.set(store.dir, ending);
    await ending;
  }
}
