/**
 * `http-socket` and `https-socket`: a server of HTTP/1.1 for few clients, of which each may be an
 * attacker. It is our own because Deno's has no limits: any number of connections, each as slow as it
 * likes (docs/decisions.md).
 */

import type { Clock } from "../platform/clock.ts";
import { Deadlines } from "../server/deadlines.ts";
import { listenOn, type SocketOptions } from "../server/listening.ts";
import type { ListenerConfig } from "../server/settings.ts";
import type { PeerStream } from "../server/stream.ts";
import { listenWithTls } from "../server/tls_listening.ts";
import type { Troubled } from "../server/trouble.ts";
import type { Address } from "../wire/address.ts";
import { isLoopback } from "../wire/network.ts";
import { isForeignName, producerOf, userOf } from "./http_access.ts";
import { type HttpAnswer, type HttpRequest, textAnswer, type Visitor } from "./http_answer.ts";
import { HttpConnection } from "./http_connection.ts";
import type { RequestHead } from "./http_head.ts";
import type { MonitorAccess } from "./monitor_socket.ts";
import type { MonitorServer } from "./monitors.ts";
import { OpenAnswers } from "./open_answers.ts";
import type { HttpUser } from "./settings.ts";

export interface HttpServerOptions {
  readonly config: ListenerConfig;
  readonly access: MonitorAccess;
  readonly clock: Clock;
  /** As the configuration has them now. */
  users(): readonly HttpUser[];
  answer(request: HttpRequest): Promise<HttpAnswer>;
  readonly troubled: Troubled;
  /** Somebody was not let in. */
  denied(from: string, why: string): void;
  /** An answer failed. */
  failed(error: unknown): void;
}

/** Of one socket. Browsers open six each; beyond it the oldest goes that is not being answered. */
const MOST_CONNECTIONS = 256;
const MOST_STREAMS = 128;
/** Of one body, and of all that are read at a time. */
export const MOST_BODY_BYTES = 4 * 1024 * 1024;
const MOST_BODIES_BYTES = 16 * 1024 * 1024;
/** Of answers that are being written. */
const MOST_ANSWER_BYTES = 4 * 1024 * 1024;
const HANDSHAKE_MS = 10_000;
const MOST_HANDSHAKES = 64;
const BACKLOG = 128;
/** Requests that go on may take so long at the end. */
const END_MS = 1000;

export async function openHttpServer(options: HttpServerOptions): Promise<MonitorServer> {
  const { config: { address, tls }, access: { mode, owner }, clock, troubled } = options;
  const socket: SocketOptions = { backlog: BACKLOG, mode, owner, libc: null, isAgain: false };
  const listening = tls === null
    ? await listenOn(address, socket)
    : await listenWithTls(address, tls, {
      ...{ ...socket, timeoutMs: HANDSHAKE_MS, maxHandshakes: MOST_HANDSHAKES },
      refused: (from, { message }) => options.denied(from, message),
    });
  const visits = new Visits(options);
  const serving = listening.serve({
    ...{ clock, troubled, gone: () => {} },
    admit: (stream) => visits.admit(stream),
  });
  return {
    address: listening.address,
    async close() {
      const closed = serving.close();
      await visits.close();
      await closed;
    },
  };
}

/** Only this machine reaches it. */
function isPrivate(address: Address): boolean {
  return address.kind === "unix" || isLoopback(address.host);
}

/** The connections of a socket. */
class Visits {
  readonly #options: HttpServerOptions;
  readonly #deadlines: Deadlines;
  /** In the order in which they came. */
  readonly #open = new Map<HttpConnection, Promise<void>>();
  readonly #answers = new OpenAnswers(MOST_ANSWER_BYTES);
  #streams = 0;
  #bodyBytes = 0;

  constructor(options: HttpServerOptions) {
    this.#options = options;
    this.#deadlines = new Deadlines(options.clock);
  }

  admit(stream: PeerStream): void {
    if (this.#open.size >= MOST_CONNECTIONS && !this.#makeRoom()) return stream.close();
    const connection = new HttpConnection({
      ...{ stream, deadlines: this.#deadlines },
      admit: (head, stream) => this.#admitted(head, stream),
      answer: (request) => this.#answer(request),
      takeRoom: (bytes) => this.#takeRoom(bytes),
      streams: {
        begin: () => this.#streams < MOST_STREAMS && ++this.#streams > 0,
        end: () => void this.#streams--,
      },
      answers: this.#answers,
    });
    const ended = connection.run().finally(() => this.#open.delete(connection));
    this.#open.set(connection, ended);
  }

  #makeRoom(): boolean {
    for (const connection of this.#open.keys()) {
      if (connection.isServing) continue;
      this.#open.delete(connection);
      connection.close();
      return true;
    }
    return false;
  }

  #takeRoom(bytes: number): (() => void) | null {
    if (bytes > MOST_BODY_BYTES || this.#bodyBytes + bytes > MOST_BODIES_BYTES) return null;
    this.#bodyBytes += bytes;
    return () => void (this.#bodyBytes -= bytes);
  }

  #admitted(head: RequestHead, stream: PeerStream): HttpAnswer | Visitor {
    const { users, config: { address, tls }, denied } = this.#options;
    const { from } = stream;
    // Who has a certificate that the socket asks for needs no password.
    if (tls?.ca != null) {
      return { user: decodeURIComponent(stream.sender), role: "operator", isKnown: true, from };
    }
    const known = users();
    const header = head.headers.get("authorization");
    const producer = producerOf(header, known);
    if (producer) return { user: producer.user, role: "producer", isKnown: true, from };
    if (producer === null) {
      denied(from, "a wrong token");
      return {
        ...textAnswer(401, "authentication required: a token, as spooler-http-token has them"),
        headers: { "www-authenticate": 'Bearer realm="spooler"' },
      };
    }
    if (!isPrivate(address) || known.some(({ role }) => role !== "producer")) {
      const found = userOf(header ?? null, known);
      if (found !== null) return { user: found.user, role: found.role, isKnown: true, from };
      if (header !== undefined) denied(from, "a wrong name or password");
      return {
        ...textAnswer(
          401,
          "authentication required: name and password, as spooler-http-auth has them",
        ),
        headers: { "www-authenticate": 'Basic realm="spooler", charset="UTF-8"' },
      };
    }
    if (address.kind === "tcp" && isForeignName(head.headers.get("host") ?? "", address.host)) {
      const text = "the Host header names another machine: see docs/http.md";
      return textAnswer(403, text);
    }
    return { user: null, role: "operator", isKnown: stream.credential !== null, from };
  }

  async #answer(request: HttpRequest): Promise<HttpAnswer> {
    try {
      return await this.#options.answer(request);
    } catch (error) {
      this.#options.failed(error);
      return textAnswer(500, "internal error: see the log of spooler");
    }
  }

  /** Lets requests that go on end, for a while; streams end at once. */
  async close(): Promise<void> {
    for (const connection of this.#open.keys()) if (!connection.isServing) connection.close();
    const ended = Promise.all(this.#open.values());
    const cancel = this.#options.clock.after(END_MS, () => {
      for (const connection of this.#open.keys()) connection.close();
    });
    await ended;
    cancel();
  }
}
