/**
 * The executor of a forward spool: gives each task to a target, and says to the dispatcher how many
 * tasks may be under way.
 *
 * - failover: the first target of the list that takes tasks gets them all
 * - balance: each task goes to the target with the most room
 *
 * What one target refuses or loses is offered to the next; when none is left the task is settled.
 */

import type { ForwardConfig } from "./settings.ts";
import type { Answer, Executor, Run } from "../exec/executor.ts";
import type { Clock, Random } from "../platform/clock.ts";
import type { Gate } from "../queue/gate.ts";
import type { Emit } from "../report/event.ts";
import type { Delivered } from "./connection.ts";
import { parcelOf } from "./parcel.ts";
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
}

export class Forwarder implements Executor, Gate {
  readonly name = null;
  readonly processes = null;
  readonly trusted = true;
  readonly #options: ForwarderOptions;
  readonly #targets: readonly Target[];
  readonly #origin: Parameters<typeof parcelOf>[1];
  #changed: () => void = () => {};
  /** Tasks that cannot go to any target as they are: told once for each reason. */
  readonly #told = new Set<string>();

  constructor(options: ForwarderOptions) {
    this.#options = options;
    const { config, name: spool, identity, clock, random, emit } = options;
    const { secret, connections, timeoutMs } = config;
    this.#origin = {
      identity,
      names: [config.spool.dir, ...config.targets.flatMap(({ names }) => names)],
    };
    this.#targets = config.targets.map(({ text, address, tls }) =>
      new Target({
        name: text,
        address,
        ...(tls ? { tls: config.tls } : {}),
        ...{ secret, connections, timeoutMs, spool, clock, random, emit },
        changed: () => this.#changed(),
      })
    );
    options.abort.addEventListener("abort", () => this.close());
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

  async run({ task, signal }: Run): Promise<Answer> {
    const parcel = parcelOf(task, this.#origin);
    const tried = new Map<Target, Delivered>();
    for (let target = this.#choose(tried); target; target = this.#choose(tried)) {
      const how = await target.deliver(parcel);
      if (how.kind === "accepted") return { kind: "done" };
      tried.set(target, how);
    }
    return signal.aborted ? { kind: "interrupted" } : this.#outcome(tried);
  }

  /** Hangs up everywhere; what was under way comes back unsettled. */
  close(): void {
    for (const target of this.#targets) target.close();
  }

  #choose(tried: ReadonlyMap<Target, Delivered>): Target | undefined {
    const free = this.#targets.filter((target) =>
      !tried.has(target) && target.capacity > 0 && (target.isUp || target.load < target.capacity)
    );
    if (this.#options.config.policy === "failover") return free[0];
    const fullness = (target: Target) => target.load / target.capacity;
    return free.reduce<Target | undefined>(
      (best, each) => best === undefined || fullness(each) < fullness(best) ? each : best,
      undefined,
    );
  }

  #outcome(tried: ReadonlyMap<Target, Delivered>): Answer {
    const said = (kind: Delivered["kind"]) =>
      [...tried].flatMap(([{ name }, how]) =>
        how.kind === kind && "reason" in how ? [`${name}: ${how.reason}`] : []
      ).join("; ");
    const refused = said("refused");
    if (refused !== "") return { kind: "failed", reason: refused, stderr: "" };
    const unfit = said("unfit");
    if (unfit !== "") {
      this.#tellOnce(unfit);
      return { kind: "retry", reason: unfit };
    }
    const troubles = this.#targets.map(({ name, trouble }) => `${name}: ${trouble ?? "is busy"}`);
    return { kind: "unavailable", reason: troubles.join("; ") };
  }

  #tellOnce(message: string): void {
    const { emit, name } = this.#options;
    if (this.#told.has(message)) return;
    this.#told.add(message);
    emit({ type: "spool.warning", spool: name, message: `a task stays: ${message}` });
  }
}
