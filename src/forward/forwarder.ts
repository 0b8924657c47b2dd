/**
 * The executor of a forward spool: gives each task to a target, and says to the dispatcher how many
 * tasks may be under way.
 *
 * - failover: the first target of the list that accepts tasks gets them all
 * - balance: each task goes to the target with the most room
 *
 * What one target refuses or loses is offered to the next; when none is left the task is settled.
 */

import type { Answer, Executor, Run } from "../exec/executor.ts";
import type { Clock, Random } from "../platform/clock.ts";
import { ImpossibleStateError } from "../platform/unexpected.ts";
import type { ConcurrencyLimit } from "../queue/concurrency_limit.ts";
import type { Debug } from "../report/debug.ts";
import type { Emit } from "../report/event.ts";
import { Once } from "../report/once.ts";
import type { TargetSnapshot } from "../report/snapshot.ts";
import { dial as dialPeer } from "../wire/dial.ts";
import type { Dial } from "./connector.ts";
import { deliveryOf, type Sender } from "./delivery.ts";
import type { DeliveryResult } from "./outstanding.ts";
import type { DeliveryTarget } from "./delivery_target.ts";
import type { ForwardConfig, ForwardTarget } from "./settings.ts";
import type { StreamTarget } from "./stream_target.ts";
import { Target } from "./target.ts";

export interface ForwarderOptions {
  readonly config: ForwardConfig;
  /** Names the spool in the log. */
  readonly name: string;
  /** Of the spool: see Store.identity. */
  readonly identity: string;
  /** Aborted when what is under way must be broken off. */
  readonly abort: AbortSignal;
  readonly clock: Clock;
  readonly random: Random;
  readonly emit: Emit;
  readonly debug?: Debug;
  /** Absent is the network. */
  readonly dial?: Dial;
}

export class Forwarder implements Executor, ConcurrencyLimit {
  readonly name = null;
  readonly processes = null;
  readonly trusted = true;
  readonly #options: ForwarderOptions;
  readonly #targets: readonly DeliveryTarget[];
  readonly #sender: Sender;
  #changed: () => void = () => {};
  readonly #end = () => this.close();
  /** Why tasks could not go to any target as they are. */
  readonly #warnings = new Once();

  /** What streams need is loaded where there is one. */
  static async make(options: ForwarderOptions): Promise<Forwarder> {
    const hasStream = options.config.targets.some(({ protocol }) => protocol === "nats");
    const streams = hasStream ? (await import("./stream_target.ts")).StreamTarget : null;
    return new Forwarder(options, streams);
  }

  private constructor(
    options: ForwarderOptions,
    private readonly streams: typeof StreamTarget | null,
  ) {
    this.#options = options;
    const { config, identity } = options;
    this.#sender = {
      identity,
      names: [config.spool.dir, ...config.targets.flatMap(({ names }) => names)],
    };
    this.#targets = config.targets.map((target) => this.#make(target));
    options.abort.addEventListener("abort", this.#end);
  }

  #make(target: ForwardTarget): DeliveryTarget {
    const { config, name: spool, clock, random, emit, dial = dialPeer } = this.#options;
    const { secret, connections, timeoutMs } = config;
    const common = {
      ...{ connections, timeoutMs, spool, clock, random, emit },
      changed: () => this.#changed(),
    };
    if (target.protocol === "nats") {
      if (this.streams === null) throw new ImpossibleStateError("streams are not loaded");
      return new this.streams({ ...target, ...common });
    }
    const { text, address, kind, receiver, tls } = target;
    return new Target({
      ...common,
      name: text,
      ...{ address, kind, receiver, secret, dial },
      ...(tls ? { tls: config.tls } : {}),
    });
  }

  /** Tasks that may be under way now; 0 while no target takes any. */
  get limit(): number {
    let limit = 0;
    for (const target of this.#targets) {
      limit += target.capacity;
      if (this.#options.config.policy === "failover" && target.isUp) break;
    }
    return limit;
  }

  onChange(listener: () => void): void {
    this.#changed = listener;
  }

  /** Its targets, in order. */
  snapshot(): TargetSnapshot[] {
    const { clock, name: spool } = this.#options;
    return this.#targets.map(({ name: target, trouble, load: underWay }) => {
      const downMs = trouble && clock.monotonic() - trouble.since;
      const downSinceAt = downMs === null ? null : Math.round(clock.now() - downMs);
      const { failures = 0, reason = null } = trouble ?? {};
      return { spool, target, up: trouble === null, downSinceAt, failures, reason, underWay };
    });
  }

  async run({ task, signal }: Run): Promise<Answer> {
    const { debug } = this.#options;
    const delivery = deliveryOf(task, this.#sender);
    const tried = new Map<DeliveryTarget, DeliveryResult>();
    for (let target = this.#choose(tried); target; target = this.#choose(tried)) {
      debug?.(
        `${task.name} goes to ${target.name}, ${target.load} of ${target.capacity} under way`,
      );
      const how = await target.deliver(delivery);
      debug?.(
        `${task.name} at ${target.name}: ${how.kind}${"reason" in how ? `, ${how.reason}` : ""}`,
      );
      if (how.kind === "accepted") return { kind: "done" };
      tried.set(target, how);
    }
    return signal.aborted ? { kind: "interrupted" } : this.#outcome(tried);
  }

  /** Hangs up everywhere; what was under way comes back unsettled. */
  close(): void {
    for (const target of this.#targets) target.close();
    // The signal lives as long as the program.
    this.#options.abort.removeEventListener("abort", this.#end);
  }

  #choose(tried: ReadonlyMap<DeliveryTarget, DeliveryResult>): DeliveryTarget | undefined {
    const free = this.#targets.filter((target) =>
      !tried.has(target) && target.capacity > 0 && (target.isUp || target.load < target.capacity)
    );
    if (this.#options.config.policy === "failover") return free[0];
    const fullness = (target: DeliveryTarget) => target.load / target.capacity;
    return free.reduce<DeliveryTarget | undefined>(
      (best, each) => best === undefined || fullness(each) < fullness(best) ? each : best,
      undefined,
    );
  }

  #outcome(tried: ReadonlyMap<DeliveryTarget, DeliveryResult>): Answer {
    const said = (kind: DeliveryResult["kind"]) =>
      [...tried].flatMap(([{ name }, how]) =>
        how.kind === kind && "reason" in how ? [`${name}: ${how.reason}`] : []
      ).join("; ");
    const refused = [said("refused"), said("invalid")].filter((reason) => reason !== "").join("; ");
    if (refused !== "") return { kind: "failed", reason: refused, stderr: "" };
    const unfit = said("unfit");
    if (unfit !== "") {
      this.#warnOnce(`a task waits: ${unfit}`);
      return { kind: "retry", reason: unfit };
    }
    const troubles = this.#targets.map(({ name, trouble }) =>
      `${name}: ${trouble?.reason ?? "is busy"}`
    );
    return { kind: "unavailable", reason: troubles.join("; ") };
  }

  #warnOnce(message: string): void {
    const { emit, name } = this.#options;
    if (!this.#warnings.isFirst(message)) return;
    emit({ type: "spool.warning", spool: name, message });
  }
}
