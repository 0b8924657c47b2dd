/** Sockets in the test's own process, with a store behind them, and peers that talk to them. */

import { join } from "@std/path";
import type { ReceptionConfig } from "../../src/server/settings.ts";
import { loadConfig } from "../../src/config/load.ts";
import { type Clock, systemClock } from "../../src/platform/clock.ts";
import { newReplays } from "../../src/server/verifier.ts";
import { inboxOf, Reception, type Spool } from "../../src/server/reception.ts";
import type { Event } from "../../src/report/event.ts";
import { Sockets } from "../../src/server/sockets.ts";
import { Store } from "../../src/spool/store.ts";
import type { Accept, IncomingTask } from "../../src/server/incoming_task.ts";
import { PollLoop } from "../../src/platform/poll_loop.ts";
import {
  SocketServer,
  type SocketServerOptions,
  type SocketService,
} from "../../src/server/socket_server.ts";
import { socketCalls } from "../../src/platform/socket_calls.ts";
import { decodeHeader, decodeVars, findText, HEADER_SIZE } from "../../src/wire/packet.ts";
import { platform } from "./platform.ts";
import { tempDir } from "./temp.ts";
import { until } from "./until.ts";

export interface ReceptionOptions {
  /** Lines of the ini behind `spooler = spool`; without a socket it listens on loopback. */
  readonly ini?: readonly string[];
  readonly clock?: Clock;
  /** Who serves plain sockets; absent is the event loop. */
  readonly driver?: Driver;
  /** In place of the real one. */
  readonly accept?: (task: IncomingTask) => Promise<void>;
}

/** What carries conversations: the event loop, or a loop that calls the system. */
export type Driver = "event loop" | "poll loop";

/** Opened once and kept: a library belongs to no test. */
const calls = socketCalls();

export const DRIVERS: readonly Driver[] = calls === null
  ? ["event loop"]
  : ["event loop", "poll loop"];

export interface TestReception extends AsyncDisposable {
  readonly dir: string;
  readonly store: Store;
  readonly config: ReceptionConfig;
  readonly events: readonly Event[];
  readonly sockets: Sockets;
  /** Of the first socket. */
  readonly port: number;
  connect(): Promise<Peer>;
  refusals(): string[];
}

export async function openReception(options: ReceptionOptions = {}): Promise<TestReception> {
  // What has been opened goes also when the rest cannot be.
  await using opening = new AsyncDisposableStack();
  const temp = opening.use(await tempDir());
  const lines = options.ini ?? [];
  const socket = lines.some((line) => /^(s?uwsgi-)?socket =/.test(line))
    ? []
    : ["socket = 127.0.0.1:0"];
  const ini = join(temp.path, "site.ini");
  await Deno.writeTextFile(ini, ["[uwsgi]", "spooler = spool", ...socket, ...lines, ""].join("\n"));
  const { config } = await loadConfig(ini);
  const spools: Spool[] = [];
  const clock = options.clock ?? systemClock;
  for (const spool of config.spools) {
    const { dedupWindowMs } = config.reception;
    const { dir, fsync, limits } = spool;
    const store = await Store.open({
      ...{ dir, fsync, limits, dedupWindowMs, clock, random: Math.random },
      ...platform,
    });
    opening.defer(() => store.close());
    spools.push({ name: "spool", names: [spool.dir], config: spool, store });
  }
  const [{ store }] = spools as [Spool];
  const events: Event[] = [];
  const emit = (event: Event) => void events.push(event);
  const reception = new Reception({
    spools: spools.map((spool) => inboxOf(spool, clock)),
    ...{ emit, clock, config: config.reception, replays: newReplays() },
    accepted: (_spool, { name }, _dueAt, func, from) =>
      emit({ type: "task.accepted", task: name, func, from }),
  });
  const accept: Accept = (task, done) => {
    if (options.accept) options.accept(task).then(() => done(null), done);
    else reception.accept(task, done);
  };
  const service = options.driver === "poll loop"
    ? openService({ clock, emit, accept }, opening)
    : null;
  const { libc } = platform;
  const sockets = await Sockets.open({ config, clock, emit, libc, accept, service });
  opening.defer(() => sockets.close());
  sockets.takeOver();
  const opened = events.find((event) => event.type === "listener.opened");
  const port = Number(
    /:(\d+)$/.exec(opened?.type === "listener.opened" ? opened.address : "")?.[1],
  );
  const open = opening.move();
  return {
    dir: temp.path,
    store,
    config: config.reception,
    events,
    sockets,
    port,
    connect: async () => new Peer(await Deno.connect({ hostname: "127.0.0.1", port })),
    refusals: () =>
      events.flatMap((event) =>
        event.type === "packet.refused" ? [`${event.kind}: ${event.reason}`] : []
      ),
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
}

/** A poll loop beside the test's own event loop. */
function openService(
  options: Pick<SocketServerOptions, "clock" | "emit" | "accept">,
  opening: AsyncDisposableStack,
): SocketService {
  if (calls === null) throw new Error("this machine has no libc to call");
  const loop = new PollLoop({ calls, timers: null });
  const ended = loop.run();
  opening.defer(async () => {
    loop.stop();
    await ended;
  });
  return new SocketServer({ ...options, calls, loop });
}

/** An answer, taken apart. */
export interface Answer {
  readonly modifier1: number;
  readonly modifier2: number;
  readonly vars: Record<string, string>;
}

export const YES: Answer = { modifier1: 255, modifier2: 1, vars: {} };
export const NO: Answer = { modifier1: 255, modifier2: 0, vars: {} };

/** One end of a connection. */
export class Peer implements Disposable {
  readonly #chunks: number[] = [];

  constructor(readonly connection: Deno.Conn) {}

  async send(...parts: Uint8Array[]): Promise<void> {
    for (const part of parts) {
      for (let at = 0; at < part.length;) at += await this.connection.write(part.subarray(at));
    }
  }

  /** The next answer; null at the end of the connection. */
  async answer(): Promise<Answer | null> {
    const head = await this.take(HEADER_SIZE);
    if (head === null) return null;
    const { modifier1, modifier2, size } = decodeHeader(head);
    const vars = decodeVars((await this.take(size)) ?? new Uint8Array(0));
    const decoder = new TextDecoder();
    const names = vars.map(({ name }) => decoder.decode(name));
    return {
      modifier1,
      modifier2,
      vars: Object.fromEntries(names.map((name) => [name, findText(vars, name) ?? ""])),
    };
  }

  /** Everything until the peer closes, in hex. */
  async rest(): Promise<string> {
    const bytes: number[] = [];
    for (let byte = await this.take(1); byte !== null; byte = await this.take(1)) {
      bytes.push(...byte);
    }
    return bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  /** The next bytes; null when the connection ends before. */
  async take(count: number): Promise<Uint8Array | null> {
    const buffer = new Uint8Array(4096);
    while (this.#chunks.length < count) {
      const got = await this.connection.read(buffer);
      if (got === null) return null;
      this.#chunks.push(...buffer.subarray(0, got));
    }
    return Uint8Array.from(this.#chunks.splice(0, count));
  }

  [Symbol.dispose](): void {
    try {
      this.connection.close();
    } catch {
      // It is closed.
    }
  }
}

/** Waits for the `count`th event of a type. */
export async function emitted(
  { events }: TestReception,
  type: Event["type"],
  count = 1,
): Promise<void> {
  await until(
    () => events.filter((event) => event.type === type).length >= count,
    `${count} × ${type}`,
  );
}
