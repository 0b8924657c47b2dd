/** A peer on a loopback port that does to each connection what a test's script says. */

import {
  decodeHeader,
  decodeVars,
  encodeHeader,
  encodePacket,
  findText,
  type Header,
  HEADER_SIZE,
  MODIFIER_ANSWER,
  MODIFIER_PING,
  type Var,
} from "../../src/wire/packet.ts";
import { acceptedAnswer, pingAnswer } from "../../src/wire/answer.ts";
import type { Signed } from "../../src/wire/signature.ts";
import { signedOf } from "../../src/wire/signed_answer.ts";
import { varsOf } from "./store.ts";

/** A packet as it came, with the body that its modifier2 announced. */
export interface Received {
  readonly header: Header;
  readonly vars: readonly Var[];
  readonly body: Uint8Array;
}

export const ACCEPTED = encodeHeader({ modifier1: MODIFIER_ANSWER, size: 0, modifier2: 1 });
export const REFUSED = encodeHeader({ modifier1: MODIFIER_ANSWER, size: 0, modifier2: 0 });
/** The answer of a uWSGI with its ping plugin. */
export const PLAIN_PONG = encodeHeader({ modifier1: MODIFIER_PING, size: 0, modifier2: 1 });

/** The answer of one of ours to a ping, of a version that does not say names of tasks. */
export function pong(features = "keep-alive,body,id,signature", maxBody = 1e9): Uint8Array {
  const vars = varsOf({ spooler: "9.9.9", features, "max-body": String(maxBody) });
  return encodePacket(vars, MODIFIER_PING, 1);
}

export function refusal(reason: string, { temporary = false } = {}): Uint8Array {
  const vars = varsOf({ reason, ...(temporary ? { temporary: "1" } : {}) });
  return encodePacket(vars, MODIFIER_ANSWER, 0);
}

/** One connection, from the peer's side. */
export class Talk {
  #buffer = new Uint8Array(0);

  /** @param number 1 for the first connection that the peer got */
  constructor(readonly socket: Deno.Conn, readonly number: number) {}

  /** Bytes that have come and were not taken yet. */
  get pending(): number {
    return this.#buffer.length;
  }

  /** The next packet; null when the other side has closed. */
  async next(): Promise<Received | null> {
    const head = await this.#take(HEADER_SIZE);
    if (!head) return null;
    const header = decodeHeader(head);
    const vars = await this.#take(header.size);
    if (!vars) return null;
    let body: Uint8Array | null = new Uint8Array(0);
    if (header.modifier2 & 2) {
      const length = await this.#take(8);
      if (!length) return null;
      body = await this.#take(Number(new DataView(length.buffer).getBigUint64(0, true)));
      if (!body) return null;
    }
    return { header, vars: decodeVars(vars), body };
  }

  async say(...packets: Uint8Array[]): Promise<void> {
    for (const bytes of packets) {
      for (let at = 0; at < bytes.length;) at += await this.socket.write(bytes.subarray(at));
    }
  }

  /** Until the other side closes. */
  async silence(): Promise<void> {
    while (await this.socket.read(new Uint8Array(65536)) !== null);
  }

  async #take(length: number): Promise<Uint8Array<ArrayBuffer> | null> {
    const taken = new Uint8Array(length);
    let filled = 0;
    while (true) {
      const part = this.#buffer.subarray(0, length - filled);
      taken.set(part, filled);
      filled += part.length;
      this.#buffer = this.#buffer.subarray(part.length);
      if (filled === length) return taken;
      const chunk = new Uint8Array(65536);
      const count = await this.socket.read(chunk);
      if (count === null) return null;
      this.#buffer = chunk.subarray(0, count);
    }
  }
}

export type Script = (talk: Talk) => Promise<void>;

export class Peer implements AsyncDisposable {
  readonly #listener: Deno.Listener;
  readonly #open = new Set<Deno.Conn>();
  readonly #serving: Promise<void>;
  /** Connections so far. */
  connections = 0;

  /** @param port 0 is any that is free */
  constructor(private script: Script, port = 0) {
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port });
    this.#serving = this.#serve();
  }

  get port(): number {
    return (this.#listener.addr as Deno.NetAddr).port;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** From the next connection on. */
  becomes(script: Script): void {
    this.script = script;
  }

  /** Stops to listen and hangs up on everybody, as a program that is killed. */
  async close(): Promise<void> {
    this.#listener.close();
    for (const socket of this.#open) socket.close();
    this.#open.clear();
    await this.#serving;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close().catch(() => {});
  }

  async #serve(): Promise<void> {
    const talks: Promise<void>[] = [];
    try {
      for await (const socket of this.#listener) talks.push(this.#talk(socket));
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
    await Promise.all(talks);
  }

  async #talk(socket: Deno.Conn): Promise<void> {
    this.#open.add(socket);
    try {
      await this.script(new Talk(socket, ++this.connections));
    } catch {
      // The other side hung up, or this one was closed: what the script still had to say is nothing.
    }
    if (this.#open.delete(socket)) socket.close();
  }
}

/**
 * One of ours, in short: answers pings and tasks, and leaves what it accepted in `accepted`.
 *
 * @param answer to each task; null is an acceptance
 * @param secret signs its answers to what is signed with it
 */
export function ours(
  accepted: Received[],
  answer: (task: Received) => Uint8Array | null = () => null,
  secret = "",
): Script {
  return async (talk) => {
    for (let packet = await talk.next(); packet; packet = await talk.next()) {
      const request = secret === "" ? null : signedOf(packet.vars, secret);
      if (packet.header.modifier1 === MODIFIER_PING) {
        await talk.say(request ? signedPong(request) : pong());
        continue;
      }
      const refused = answer(packet);
      if (refused === null) accepted.push(packet);
      await talk.say(refused ?? acceptedAnswer(request));
    }
  };
}

/** The answer of one of ours to a signed ping. */
export function signedPong(request: Signed, receiver = "hub"): Uint8Array {
  const features = ["keep-alive", "body", "id", "signature"];
  return pingAnswer({ features, maxBody: 1e9, receiver, request });
}

/** uWSGI: one packet a connection; without its ping plugin it hangs up at a ping. */
export function plain(accepted: Received[], { ping = true } = {}): Script {
  return async (talk) => {
    const packet = await talk.next();
    if (!packet) return;
    if (packet.header.modifier1 === MODIFIER_PING) {
      return ping ? await talk.say(PLAIN_PONG) : undefined;
    }
    accepted.push(packet);
    await talk.say(ACCEPTED);
  };
}

export function textOf({ vars }: Received, name: string): string | undefined {
  return findText(vars, name);
}

export function namesOf({ vars }: Received): string[] {
  return vars.map(({ name }) => new TextDecoder().decode(name));
}
