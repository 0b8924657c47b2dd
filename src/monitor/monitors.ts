/**
 * The sockets for statistics, metrics and health, over all configurations: a reload closes none that it
 * still needs, and opens what is new.
 */

import type { Actions } from "../control/actions.ts";
import type { Clock } from "../platform/clock.ts";
import { ConfigError } from "../platform/problem.ts";
import type { EventCounters } from "../report/counters.ts";
import type { Emit } from "../report/event.ts";
import type { ProgramSnapshot } from "../report/snapshot.ts";
import { bindProblem } from "../server/bind_problem.ts";
import type { ReceptionConfig } from "../server/settings.ts";
import { findSocketOwner } from "../server/socket_owner.ts";
import { addressText } from "../wire/address.ts";
import { CLASSIC_TYPE, exposition, OPEN_METRICS_TYPE } from "./exposition.ts";
import { ailment } from "./health.ts";
import { type HttpAnswer, openHttpServer } from "./http_server.ts";
import { metricsOf } from "./metrics.ts";
import { ownProcess, processMemory } from "./process_memory.ts";
import type { MonitorAddress, MonitorConfig } from "./settings.ts";
import { statsText } from "./stats.ts";
import { openStatsServer } from "./stats_server.ts";

export interface MonitorServer {
  /** With the port the system chose when it was asked to. */
  readonly address: string;
  close(): Promise<void>;
}

export interface MonitorsOptions {
  readonly clock: Clock;
  readonly emit: Emit;
  readonly counters: EventCounters;
  snapshot(): Promise<ProgramSnapshot>;
  readonly actions: Actions;
}

/** What it needs of a configuration. */
export interface MonitorsConfig {
  readonly monitor: MonitorConfig;
  readonly reception: Pick<ReceptionConfig, "socketMode" | "socketOwner">;
}

type ServerKind = "stats" | "http";

export class Monitors {
  readonly #options: MonitorsOptions;
  /** By kind and address. */
  readonly #servers = new Map<string, MonitorServer>();
  #config: MonitorConfig | null = null;

  constructor(options: MonitorsOptions) {
    this.#options = options;
  }

  /**
   * Opens what is not open yet. With `takeOver` the others are closed, with `discard` all is as it was.
   *
   * @throws {ConfigError} when one cannot be opened: then all is as it was
   */
  async prepare(config: MonitorsConfig): Promise<{ takeOver(): void; discard(): Promise<void> }> {
    const { monitor } = config;
    const wanted = new Set<string>();
    const opened: string[] = [];
    const discard = async () => {
      for (const key of opened) await this.#close(key);
    };
    const sockets = [
      ...monitor.stats.map((socket) => ["stats", socket] as const),
      ...monitor.http.map((socket) => ["http", socket] as const),
    ];
    for (const [kind, socket] of sockets) {
      const key = `${kind} ${addressText(socket.address)}`;
      wanted.add(key);
      if (this.#servers.has(key)) continue;
      try {
        this.#servers.set(key, await this.#open(kind, socket, config));
        opened.push(key);
      } catch (error) {
        const known = error instanceof ConfigError
          ? error
          : new ConfigError([bindProblem({ ...socket, tls: null }, error)]);
        if (kind === "http" || !(error instanceof Deno.errors.AddrInUse)) {
          await discard();
          throw known;
        }
        // A uWSGI with the same ini has it: no reason to run no task.
        const message = `no statistics: ${known.problems[0]?.message}`;
        this.#options.emit({ type: "config.warning", message });
      }
    }
    this.#config ??= monitor;
    return {
      discard,
      takeOver: () => {
        this.#config = monitor;
        for (const key of this.#servers.keys()) if (!wanted.has(key)) void this.#close(key);
        for (const key of opened) {
          const address = this.#servers.get(key)?.address ?? "";
          this.#options.emit({ type: "monitor.opened", kind: key.split(" ")[0] ?? "", address });
        }
      },
    };
  }

  async #close(key: string): Promise<void> {
    const server = this.#servers.get(key);
    this.#servers.delete(key);
    await server?.close();
  }

  async #open(
    kind: ServerKind,
    { address }: MonitorAddress,
    { reception: { socketMode: mode, socketOwner } }: MonitorsConfig,
  ): Promise<MonitorServer> {
    const owner = socketOwner === null ? null : await findSocketOwner(socketOwner);
    const shared = { address, access: { mode, owner }, clock: this.#options.clock };
    return kind === "stats"
      ? await openStatsServer({ ...shared, answer: () => this.#stats() })
      : await openHttpServer({
        ...shared,
        users: () => this.#config?.httpUsers ?? [],
        page: (path, accept) => this.#page(path, accept),
      });
  }

  async #stats() {
    const { statsHttp: isHttp = false, statsMinified: minified = false } = this.#config ?? {};
    const { counters, snapshot } = this.#options;
    const settled = (spool: string) => {
      const functions = [...counters.spools.get(spool)?.functions.values() ?? []];
      return functions.flatMap(({ fates }) => [...fates.values()]).reduce((sum, n) => sum + n, 0);
    };
    const text = statsText(await snapshot(), { settled, memory: processMemory, minified });
    return { text, isHttp };
  }

  async #page(path: string, accept: string): Promise<HttpAnswer | null> {
    const { snapshot, counters } = this.#options;
    if (path === "/healthz") {
      const reason = ailment(await snapshot());
      const type = "text/plain; charset=utf-8";
      return { status: reason === null ? 200 : 503, type, text: `${reason ?? "ok"}\n` };
    }
    if (path !== "/metrics") return null;
    const isOpen = accept.includes("application/openmetrics-text");
    const text = exposition(metricsOf(await snapshot(), counters, ownProcess()), isOpen);
    return { status: 200, type: isOpen ? OPEN_METRICS_TYPE : CLASSIC_TYPE, text };
  }

  /** Resolves when nothing of them is left. */
  async close(): Promise<void> {
    await Promise.all([...this.#servers.keys()].map((key) => this.#close(key)));
  }
}
