/** A nats-server of a test, with JetStream in a directory of its own. */

import { join } from "@std/path";
import { WITHOUT_PROOF } from "../../src/nats/settings.ts";
import { NatsLink } from "../../src/nats/link.ts";
import { createStream, type StreamWish } from "../../src/nats/stream.ts";
import { parseStreamAddress } from "../../src/nats/stream_address.ts";
import { quietPort } from "./port.ts";
import { type TempDir, tempDir } from "./temp.ts";
import { until } from "./until.ts";
import "./kept_library.ts";

export const WISH: StreamWish = { replicas: 1, dedupWindowMs: 3_600_000, maxTasks: null };

/** What a message that is in a stream says. */
export interface StoredMessage {
  readonly subject: string;
  readonly id: string;
  readonly data: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
}

export class NatsServer implements AsyncDisposable {
  #child: Deno.ChildProcess | null = null;

  private constructor(
    private readonly temp: TempDir,
    readonly port: number,
    private readonly config: string,
  ) {}

  /** @param settings lines of its configuration */
  static async start(settings = ""): Promise<NatsServer> {
    const temp = await tempDir();
    const jetstream = `jetstream { store_dir: "${temp.path}/store" }`;
    return await NatsServer.#startIn(temp, `${jetstream}\n${settings}`);
  }

  /** One whose configuration says where its store is. @param config all but where it listens */
  static async startWith(config: string): Promise<NatsServer> {
    return await NatsServer.#startIn(await tempDir(), config);
  }

  static async #startIn(temp: TempDir, config: string): Promise<NatsServer> {
    const server = new NatsServer(temp, quietPort(), config);
    try {
      await server.start();
      return server;
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** A directory that goes with it. */
  get dir(): string {
    return this.temp.path;
  }

  get pid(): number {
    if (this.#child === null) throw new Error("it does not run");
    return this.#child.pid;
  }

  address(stream: string): string {
    return `nats://127.0.0.1:${this.port}/${stream}`;
  }

  async start(): Promise<void> {
    const file = join(this.dir, "nats.conf");
    await Deno.writeTextFile(file, `listen: "127.0.0.1:${this.port}"\n${this.config}\n`);
    this.#child = new Deno.Command("nats-server", {
      args: ["--config", file],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    await until(() => this.#answers(), "nats-server does not listen");
  }

  async #answers(): Promise<boolean> {
    try {
      using connection = await Deno.connect({ hostname: "127.0.0.1", port: this.port });
      return await connection.read(new Uint8Array(1)) === 1;
    } catch {
      return false;
    }
  }

  /** Ends it as kill -9 does. */
  kill(): Promise<void> {
    return this.#end("SIGKILL");
  }

  /** Ends it as an operator does. */
  stop(): Promise<void> {
    return this.#end("SIGTERM");
  }

  async #end(signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    const child = this.#child;
    this.#child = null;
    child?.kill(signal);
    await child?.status;
  }

  /** A connection of a test, which it closes. */
  link(stream: string): Promise<NatsLink> {
    return linkTo(this.address(stream));
  }

  async create(stream: string, wish: Partial<StreamWish> = {}): Promise<void> {
    using link = await this.link(stream);
    await createStream(link, { ...WISH, ...wish });
    await closed(link);
  }

  /** What is in a stream, the oldest first. */
  async messages(stream: string): Promise<StoredMessage[]> {
    using link = await this.link(stream);
    const { state } = await link.manager.streams.info(stream);
    const found: StoredMessage[] = [];
    for (let seq = state.first_seq; seq <= state.last_seq; seq++) {
      const message = await link.manager.streams.getMessage(stream, { seq }).catch(() => null);
      if (message === null) continue;
      const headers = Object.fromEntries(
        message.header.keys().map((key) => [key, message.header.get(key)]),
      );
      const { subject, data } = message;
      found.push({ subject, id: headers["Nats-Msg-Id"] ?? "", data, headers });
    }
    await closed(link);
    return found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await this.temp[Symbol.asyncDispose]();
  }
}

/** A connection of a test, which it closes. @param text the address of a stream, as in an ini */
export function linkTo(text: string): Promise<NatsLink> {
  const address = parseStreamAddress(text);
  return NatsLink.open({ address, access: WITHOUT_PROOF, timeoutMs: 10_000 });
}

/** Closes a connection, and waits for its end. */
export async function closed(link: NatsLink): Promise<void> {
  link.close();
  await link.ended();
}
