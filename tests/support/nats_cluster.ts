/** Three nats-servers of a test, which are one cluster: a stream has a copy on each of them. */

import type { StreamInfo } from "@nats-io/jetstream";
import type { NatsLink } from "../../src/nats/link.ts";
import { createStream } from "../../src/nats/stream.ts";
import { closed, linkTo, NatsServer, WISH } from "./nats.ts";
import { quietPort } from "./port.ts";
import { pause, until } from "./until.ts";

/** To elect a leader takes servers up to 10 s, and what they elect first is who may elect. */
export const ELECTION_PATIENCE_MS = 120_000;
const POLL_MS = 50;

export class NatsCluster implements AsyncDisposable {
  private constructor(readonly servers: readonly NatsServer[]) {}

  /** @param settings lines for the configuration of each */
  static async start(settings = ""): Promise<NatsCluster> {
    const ports = new Set<number>();
    while (ports.size < 3) ports.add(quietPort());
    const routes = [...ports].map((port) => `"nats://127.0.0.1:${port}"`).join(", ");
    const started = await Promise.allSettled([...ports].map((port, i) =>
      NatsServer.start(
        `server_name: ${nameOf(i)}
         cluster { name: tests, listen: "127.0.0.1:${port}", routes: [${routes}] }
         ${settings}`,
      )
    ));
    const servers = started.flatMap((each) => each.status === "fulfilled" ? [each.value] : []);
    const cluster = new NatsCluster(servers);
    const failed = started.find((each) => each.status === "rejected");
    if (failed === undefined) return cluster;
    await cluster[Symbol.asyncDispose]();
    throw failed.reason;
  }

  /** Of all servers, for the ini. */
  address(stream: string): string {
    const hosts = this.servers.map(({ port }) => `nats://127.0.0.1:${port}`);
    return `${hosts.join(",")}/${stream}`;
  }

  /** A connection of a test to any of them, which the test closes. */
  link(stream: string): Promise<NatsLink> {
    return linkTo(this.address(stream));
  }

  /** Makes a stream with three replicas, as soon as the servers can. */
  async create(stream: string): Promise<void> {
    let reason: unknown;
    const isMade = async () => {
      try {
        await this.#ask(stream, (link) => createStream(link, { ...WISH, replicas: 3 }));
        return true;
      } catch (error) {
        reason = error;
        await pause(POLL_MS);
        return false;
      }
    };
    await until(isMade, "the servers make a stream", ELECTION_PATIENCE_MS).catch((error) => {
      throw new Error(error.message, { cause: reason });
    });
  }

  /** Who leads a stream, as soon as there is a leader. */
  async leaderOf(stream: string): Promise<NatsServer> {
    let leader: NatsServer | undefined;
    const isKnown = async () => {
      const name = (await this.#info(stream))?.cluster?.leader;
      leader = this.servers.find((_, i) => nameOf(i) === name);
      return leader !== undefined;
    };
    await until(isKnown, `${stream} has a leader`, ELECTION_PATIENCE_MS);
    if (leader === undefined) throw new Error("no leader");
    return leader;
  }

  /** How many messages are in a stream; null while nobody can say. */
  async count(stream: string): Promise<number | null> {
    return (await this.#info(stream))?.state.messages ?? null;
  }

  /** Null, after a moment, when nobody answers. */
  async #info(stream: string): Promise<StreamInfo | null> {
    try {
      return await this.#ask(stream, (link) => link.manager.streams.info(stream));
    } catch {
      await pause(POLL_MS);
      return null;
    }
  }

  async #ask<T>(stream: string, ask: (link: NatsLink) => Promise<T>): Promise<T> {
    const link = await this.link(stream);
    try {
      return await ask(link);
    } finally {
      await closed(link);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.servers) await server[Symbol.asyncDispose]();
  }
}

function nameOf(index: number): string {
  return `n${index + 1}`;
}
