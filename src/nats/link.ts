/**
 * One connection to the servers of a stream. It never reconnects: whoever uses it opens another, so that
 * there is one rule for when to try again.
 */

import type { JetStreamClient, JetStreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/nats-core";
import { reasonOf } from "../platform/reason.ts";
import { readPem } from "../wire/pem.ts";
import type * as Library from "./library.ts";
import { Requests } from "./requests.ts";
import { authenticatorOf, refusalOf } from "./login.ts";
import type { NatsAccess, StreamAddress } from "./settings.ts";
import { BODIES_SUFFIX } from "./stream_address.ts";

export type NatsLibrary = typeof Library;
export type BodyStore = Awaited<ReturnType<InstanceType<NatsLibrary["Objm"]>["open"]>>;

/** In a millisecond: the servers count time in them. */
export const NANOSECONDS = 1_000_000;

export interface NatsLinkOptions {
  readonly address: StreamAddress;
  readonly access: NatsAccess;
  /** To connect to one server, and for each answer. */
  readonly timeoutMs: number;
}

/** A server that says nothing is asked so often, and given up after two questions. */
const PING_MS = 5_000;

export class NatsLink implements Disposable {
  #bodies: Promise<BodyStore> | null = null;
  readonly #ended = new AbortController();
  #requests: Requests | null = null;

  private constructor(
    readonly library: NatsLibrary,
    readonly connection: NatsConnection,
    readonly manager: JetStreamManager,
    readonly address: StreamAddress,
    private readonly timeoutMs: number,
  ) {
    this.ended().then((reason) => this.#ended.abort(new Error(reason)));
  }

  /**
   * Connects to one of the servers; the packages of NATS are loaded by the first call.
   *
   * @throws {Error} when none of the servers takes this side in
   */
  static async open({ address, access, timeoutMs }: NatsLinkOptions): Promise<NatsLink> {
    const library = await import("./library.ts");
    const authenticator = await authenticatorOf(library, access);
    const tls = access.ca === null ? {} : { tls: { ca: await readPem(access.ca) } };
    const connecting = library.NatsConnectionImpl.connect({
      servers: [...address.servers],
      name: "spooler",
      timeout: timeoutMs,
      reconnect: false,
      ignoreClusterUpdates: true,
      noAsyncTraces: true,
      pingInterval: PING_MS,
      ...(authenticator === null ? {} : { authenticator }),
      ...tls,
    });
    const connection = await connecting.catch((error) => {
      throw refusalOf(library, access, error);
    });
    const options = { checkAPI: false, timeout: timeoutMs };
    const manager = await library.jetstreamManager(connection, options);
    return new NatsLink(library, connection, manager, address, timeoutMs);
  }

  /** For what is asked often. */
  get requests(): Requests {
    return this.#requests ??= new Requests(this.connection, this.library, this.timeoutMs);
  }

  get jetstream(): JetStreamClient {
    return this.manager.jetstream();
  }

  /** `2.9.10` */
  get serverVersion(): string {
    return this.connection.info?.version ?? "";
  }

  /** Of the server that it is connected to, in bytes. */
  get maxPayload(): number {
    return this.connection.info?.max_payload ?? 1024 * 1024;
  }

  /** Aborted when it has ended. */
  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  /** Resolves when it has ended, with the reason where it is known. */
  async ended(): Promise<string> {
    const error = await this.connection.closed();
    return error ? reasonOf(error) : "the server closed the connection";
  }

  /** The store of the stream's large bodies. @throws {Error} when it cannot be reached */
  bodies(): Promise<BodyStore> {
    const { library, address: { stream } } = this;
    return this.#bodies ??= new library.Objm(this.jetstream).open(`${stream}${BODIES_SUFFIX}`);
  }

  /** What was not answered stays so. */
  close(): void {
    this.connection.close().catch(() => {});
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
