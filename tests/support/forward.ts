/** A forward spool inside the test: a store, a dispatcher and a forwarder, and the events they emitted. */

import { join } from "@std/path";
import type { ForwardConfig, ForwardTarget, TargetKind } from "../../src/forward/settings.ts";
import type { SpoolConfig } from "../../src/queue/settings.ts";
import type { Dial } from "../../src/forward/connector.ts";
import { Forwarder } from "../../src/forward/forwarder.ts";
import { type Clock, systemClock } from "../../src/platform/clock.ts";
import { Dispatcher } from "../../src/queue/dispatcher.ts";
import type { Debug } from "../../src/report/debug.ts";
import type { Event } from "../../src/report/event.ts";
import { Store } from "../../src/spool/store.ts";
import { parseAddress } from "../../src/wire/address.ts";
import { WITHOUT_PROOF } from "../../src/nats/settings.ts";
import { isStreamAddress, parseStreamAddress } from "../../src/nats/stream_address.ts";
import { spoolConfig } from "./dispatcher.ts";
import { openStore, varsOf } from "./store.ts";
import { tempDir } from "./temp.ts";
import { until } from "./until.ts";
import "./kept_library.ts";

const HOUR_MS = 3_600_000;

function streamTarget(text: string): ForwardTarget {
  const address = parseStreamAddress(text);
  return { protocol: "nats", text, names: [text], address, access: WITHOUT_PROOF };
}

export interface ForwardSettings extends Partial<Omit<ForwardConfig, "spool" | "targets">> {
  readonly targets: readonly string[];
  readonly spool?: Partial<SpoolConfig>;
  /** Of every target. */
  readonly kind?: TargetKind;
  /** The name that every target must have. */
  readonly receiver?: string;
  readonly dial?: Dial;
  readonly clock?: Clock;
  readonly debug?: Debug;
}

export class ForwardSite implements AsyncDisposable {
  readonly events: Event[] = [];
  #running: { dispatcher: Dispatcher; forwarder: Forwarder } | null = null;

  private constructor(
    private readonly temp: AsyncDisposable,
    readonly store: Store,
    private readonly settings: ForwardSettings,
  ) {}

  static async make(settings: ForwardSettings): Promise<ForwardSite> {
    const temp = await tempDir();
    return new ForwardSite(temp, await openStore(join(temp.path, "out")), settings);
  }

  /** Made and started. */
  static async start(settings: ForwardSettings): Promise<ForwardSite> {
    const site = await ForwardSite.make(settings);
    await site.start();
    return site;
  }

  async put(values: Record<string, string>, body?: Uint8Array): Promise<string> {
    const task = { vars: varsOf(values), ...(body ? { body } : {}) };
    return (await this.store.put(task)).name;
  }

  async start(): Promise<void> {
    const { targets, spool, kind = "auto", receiver = null, clock = systemClock, ...settings } =
      this.settings;
    const { dial, debug, ...rest } = settings;
    const config: ForwardConfig = {
      policy: "failover",
      connections: 1,
      secret: null,
      tls: { ca: null, own: null },
      timeoutMs: 10_000,
      place: { file: "test.ini", line: 1 },
      ...rest,
      targets: targets.map((text) =>
        isStreamAddress(text) ? streamTarget(text) : ({
          protocol: "uwsgi",
          text,
          names: [text],
          address: parseAddress(text.replace("tls://", "")),
          tls: text.startsWith("tls://"),
          kind,
          receiver,
        })
      ),
      spool: spoolConfig(this.store.dir, {
        processes: 256,
        frequencyMs: HOUR_MS,
        retry: { delayMs: HOUR_MS, maxDelayMs: HOUR_MS, maxRetries: 0 },
        ...spool,
      }),
    };
    const common = {
      name: "out",
      clock,
      random: Math.random,
      emit: (event: Event) => void this.events.push(event),
      abort: new AbortController().signal,
    };
    const identity = await this.store.identity();
    const forwarder = await Forwarder.make({
      ...common,
      config,
      identity,
      debug,
      ...(dial ? { dial } : {}),
    });
    const dispatcher = new Dispatcher({
      ...common,
      config: config.spool,
      store: this.store,
      executors: [forwarder],
      concurrency: forwarder,
      env: {},
    });
    dispatcher.watch();
    await dispatcher.start();
    this.#running = { dispatcher, forwarder };
  }

  async stop(): Promise<void> {
    await this.#running?.dispatcher.stop();
    this.#running?.forwarder.close();
    this.#running = null;
  }

  /** Names of the tasks that are still there. */
  left(): string[] {
    return [...this.store.scan()].flat().map(({ name }) => name);
  }

  /** Resolves when every task has gone. */
  async drained(patienceMs?: number): Promise<void> {
    await until(() => this.left().length === 0, "the spool is not drained", patienceMs);
  }

  of<T extends Event["type"]>(type: T): Extract<Event, { type: T }>[] {
    return this.events.filter((event): event is Extract<Event, { type: T }> => event.type === type);
  }

  /** Waits for the `count`th event of a type, and returns it. */
  async event<T extends Event["type"]>(type: T, count = 1): Promise<Extract<Event, { type: T }>> {
    await until(() => this.of(type).length >= count, `${count} × ${type}`);
    return this.of(type)[count - 1] as Extract<Event, { type: T }>;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.temp[Symbol.asyncDispose]();
  }
}
