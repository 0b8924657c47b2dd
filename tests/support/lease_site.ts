/** The leases of one program, without a queue beside them. */

import { Leases } from "../../src/cluster/leases.ts";
import type { StreamWorkConfig } from "../../src/cluster/settings.ts";
import { WITHOUT_PROOF } from "../../src/nats/settings.ts";
import { subjectOf } from "../../src/nats/subject.ts";
import { parseStreamAddress } from "../../src/nats/stream_address.ts";
import { systemClock } from "../../src/platform/clock.ts";
import type { Emit, Event } from "../../src/report/event.ts";
import type { TaskRef } from "../../src/spool/layout.ts";
import type { Store } from "../../src/spool/store.ts";
import type { Fate } from "../../src/task/fate.ts";
import { encodePacket, MODIFIER_SPOOL } from "../../src/wire/packet.ts";
import { spoolConfig } from "./dispatcher.ts";
import type { NatsServer } from "./nats.ts";
import { claimNow, openUnsynced, varsOf } from "./store.ts";
import { tempDir } from "./temp.ts";
import { until } from "./until.ts";

/** Leases with a directory of their own, and what else of a program they need. */
export class LeaseSite implements AsyncDisposable {
  readonly events: Event[] = [];
  readonly leases: Leases;
  readonly #emit: Emit;

  private constructor(
    private readonly temp: AsyncDisposable,
    readonly store: Store,
    readonly config: StreamWorkConfig,
  ) {
    this.leases = new Leases({
      config,
      name: "jobs",
      store,
      clock: systemClock,
      random: Math.random,
      emit: (event) => void this.events.push(event),
    });
    this.#emit = this.leases.tap(() => {});
  }

  static async make(
    server: NatsServer,
    settings: Partial<StreamWorkConfig> = {},
  ): Promise<LeaseSite> {
    const temp = await tempDir();
    const store = await openUnsynced(`${temp.path}/jobs`);
    return new LeaseSite(temp, store, {
      address: parseStreamAddress(server.address("jobs")),
      access: WITHOUT_PROOF,
      ackWaitMs: 30_000,
      functions: null,
      spool: spoolConfig(store.dir),
      place: { file: "test.ini", line: 1 },
      ...settings,
    });
  }

  get files(): TaskRef[] {
    return [...this.store.scan()].flat();
  }

  /** Waits until so many tasks lie here. */
  async held(count: number): Promise<readonly TaskRef[]> {
    await until(() => this.files.length === count, `${count} tasks are here`);
    return this.files;
  }

  settle({ name: task }: TaskRef, fate: Fate): void {
    const about = { func: "", attempt: 1, tookMs: 1, waitMs: null };
    this.#emit({ type: "task.settled", spool: "jobs", task, fate, ...about });
  }

  /** As the queue does with a task that is done. */
  done(ref: TaskRef): void {
    this.store.finish(claimNow(this.store, ref));
    this.settle(ref, { kind: "done" });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.leases.end();
    await this.temp[Symbol.asyncDispose]();
  }
}

/** Puts tasks into the stream `jobs`. */
export async function publish(
  server: NatsServer,
  ...tasks: Record<string, string>[]
): Promise<void> {
  using link = await server.link("jobs");
  for (const task of tasks) {
    const vars = varsOf(task);
    await link.jetstream.publish(subjectOf("jobs", vars), encodePacket(vars, MODIFIER_SPOOL));
  }
  link.close();
  await link.ended();
}
