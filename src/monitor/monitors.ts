/**
 * The sockets for statistics, metrics and health, over all configurations: a reload closes none that it
 * still needs, and opens what is new.
 */

import type { Clock } from "../platform/clock.ts";
import { ConfigError } from "../platform/problem.ts";
import type { EventCounters } from "../report/counters.ts";
import type { Emit } from "../report/event.ts";
import type { ProgramSnapshot } from "../report/snapshot.ts";
import { bindProblem } from "../server/bind_problem.ts";
import type { ReceptionConfig } from "../server/settings.ts";
import { findSocketOwner } from "../server/socket_owner.ts";
import { troubleEvent } from "../server/trouble.ts";
import { addressText } from "../wire/address.ts";
import { CLASSIC_TYPE, exposition, OPEN_METRICS_TYPE } from "./exposition.ts";
import { ailment } from "./health.ts";
import { type HttpAnswer, type HttpRequest, textAnswer } from "./http_answer.ts";
import { openHttpServer } from "./http_server.ts";
import { HourSeries } from "./hour_series.ts";
import { metricsOf } from "./metrics.ts";
import { ownProcess, processMemory } from "./process_memory.ts";
import type { MonitorConfig } from "./settings.ts";
import type { ListenerConfig } from "../server/settings.ts";
import { Limiter } from "../report/limiter.ts";
import { reasonOf } from "../platform/reason.ts";
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
  /** The dashboard and its JSON, loaded when somebody asks for it first. */
  site(about: SiteSetting): Promise<Site>;
}

/** What a dashboard needs of the sockets it is served on. */
export interface SiteSetting {
  readonly hour: HourSeries;
  isReadonly(): boolean;
}

/** Answers all but metrics and health. */
export interface Site {
  answer(request: HttpRequest): Promise<HttpAnswer>;
}

/** What it needs of a configuration. */
export interface MonitorsConfig {
  readonly monitor: MonitorConfig;
  readonly reception: Pick<ReceptionConfig, "socketMode" | "socketOwner">;
}

type ServerKind = "stats" | "http" | "https";

/** Between two lines about people who are not let in. */
const DENIED_MS = 60_000;

export class Monitors {
  readonly #options: MonitorsOptions;
  /** By kind and address. */
  readonly #servers = new Map<string, MonitorServer>();
  #config: MonitorConfig | null = null;
  /** Counts while there is somebody to show it to. */
  readonly #hour: HourSeries;
  #site: Promise<Site> | null = null;
  readonly #denials = new Limiter(1, DENIED_MS);

  constructor(options: MonitorsOptions) {
    this.#options = options;
    this.#hour = new HourSeries(options);
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
      ...monitor.stats.map((socket) => ["stats", { ...socket, tls: null }] as const),
      ...monitor.http.map((socket) => [socket.tls === null ? "http" : "https", socket] as const),
    ];
    for (const [kind, socket] of sockets) {
      const files = socket.tls === null ? "" : ` ${Object.values(socket.tls).join()}`;
      const key = `${kind} ${addressText(socket.address)}${files}`;
      wanted.add(key);
      if (this.#servers.has(key)) continue;
      try {
        this.#servers.set(key, await this.#open(kind, socket, config));
        opened.push(key);
      } catch (error) {
        const known = error instanceof ConfigError
          ? error
          : new ConfigError([bindProblem(socket, error)]);
        if (kind !== "stats" || !(error instanceof Deno.errors.AddrInUse)) {
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
        this.#hour.run(monitor.http.length > 0);
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
    config: ListenerConfig,
    { reception: { socketMode: mode, socketOwner } }: MonitorsConfig,
  ): Promise<MonitorServer> {
    const owner = socketOwner === null ? null : await findSocketOwner(socketOwner);
    const { clock, emit } = this.#options;
    const shared = { access: { mode, owner }, clock };
    if (kind === "stats") {
      const { address } = config;
      return await openStatsServer({ ...shared, address, answer: () => this.#stats() });
    }
    return await openHttpServer({
      ...{ ...shared, config },
      users: () => this.#config?.httpUsers ?? [],
      answer: (request) => this.#answer(request),
      troubled: (reason) => emit(troubleEvent(addressText(config.address), reason)),
      denied: (from, reason) => this.#denied(from, reason),
      failed: (error) => {
        emit({ type: "config.warning", message: `http-socket: ${reasonOf(error)}` });
      },
    });
  }

  /** Whoever guesses passwords must not fill the log. */
  #denied(from: string, reason: string): void {
    const { clock, emit } = this.#options;
    const more = this.#denials.take(clock.monotonic());
    if (!this.#denials.admit(clock.monotonic())) return;
    emit({ type: "monitor.denied", from, reason, more });
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

  async #answer(request: HttpRequest): Promise<HttpAnswer> {
    const { path, method, visitor } = request;
    if (visitor.role === "producer" || (path !== "/healthz" && path !== "/metrics")) {
      return await (await this.#siteNow()).answer(request);
    }
    if (method === "GET" || method === "HEAD") return await this.#page(request);
    return { ...textAnswer(405, "use GET or HEAD"), headers: { allow: "GET, HEAD" } };
  }

  /** Loaded once; a program that is only measured never loads it. */
  #siteNow(): Promise<Site> {
    const isReadonly = () => this.#config?.httpReadonly ?? false;
    return this.#site ??= this.#options.site({ hour: this.#hour, isReadonly }).catch((error) => {
      this.#site = null;
      throw error;
    });
  }

  async #page({ path, headers }: HttpRequest): Promise<HttpAnswer> {
    const { snapshot, counters } = this.#options;
    if (path === "/healthz") {
      const reason = ailment(await snapshot());
      return textAnswer(reason === null ? 200 : 503, reason ?? "ok");
    }
    const isOpen = headers.get("accept")?.includes("application/openmetrics-text") ?? false;
    const body = exposition(metricsOf(await snapshot(), counters, ownProcess()), isOpen);
    return { status: 200, type: isOpen ? OPEN_METRICS_TYPE : CLASSIC_TYPE, body };
  }

  /** Resolves when nothing of them is left. */
  async close(): Promise<void> {
    this.#hour.run(false);
    await Promise.all([...this.#servers.keys()].map((key) => this.#close(key)));
  }
}
