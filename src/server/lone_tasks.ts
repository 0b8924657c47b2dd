/**
 * Connections that bring one task and nothing else, all of it there when they are read for the first time,
 * as those of uWSGI's clients do: they are served without a conversation, which would take more time than
 * all else that is done with such a task. Everything that is not as simple becomes a conversation, with the
 * bytes that have come.
 */

import { EAGAIN } from "../platform/linux.ts";
import type { PollLoop } from "../platform/poll_loop.ts";
import { reasonOf } from "../platform/reason.ts";
import { socketError } from "../platform/socket_calls.ts";
import { HEADER_SIZE, MODIFIER_SPOOL } from "../wire/packet.ts";
import { OWN_BUFFER, type RawPacket } from "../wire/reader.ts";
import { RefusalError } from "../wire/refusal.ts";
import type { AcceptedConnection, Host } from "./admission.ts";
import type { Connections } from "./connections.ts";
import { BROKEN, type ConversationOptions } from "./conversation.ts";
import { requestOf } from "./incoming_task.ts";
import type { Permit } from "../platform/permits.ts";
import { answerTo } from "./task_answer.ts";

/** A connection that can be read from without a conversation. */
export interface LoneConnection extends AcceptedConnection {
  /** Fills a part of `into`: how much, 0 at the end of what the peer sends, or -errno. */
  receive(into: Uint8Array<ArrayBuffer>): number;
  /** Closes it, behind this answer if there is one; returns why that could not be sent. */
  close(answer: Uint8Array<ArrayBuffer> | null): Error | null;
}

/** One that was accepted and not read yet, and the socket that let it in. */
interface Fresh {
  readonly connection: LoneConnection;
  readonly via: unknown;
}

/** Buffers of tasks that were answered, for the next. */
const MOST_FREE = 256;

export class LoneTasks implements Host<LoneConnection> {
  readonly #options: ConversationOptions;
  #fresh: Fresh[] = [];
  /** Connections that are fresh, or whose task is being put on disk. */
  #open = 0;
  readonly #free: Uint8Array<ArrayBuffer>[] = [];
  /** Who waits for the last of them to close. */
  #idle: (() => void)[] = [];

  constructor(
    options: ConversationOptions,
    private readonly connections: Connections,
    private readonly loop: PollLoop,
  ) {
    this.#options = options;
  }

  /** Connections that are open and have no conversation. */
  get count(): number {
    return this.#open;
  }

  hasRoom(): boolean {
    return this.connections.hasRoom(this.#open);
  }

  serve(connection: LoneConnection, via: unknown): void {
    this.#open++;
    // All who are ready are accepted before one of them is read.
    if (this.#fresh.push({ connection, via }) === 1) this.loop.soon(this.#readFresh);
  }

  /** Resolves when none is open. */
  async idle(): Promise<void> {
    if (this.#open > 0) await new Promise<void>((resolve) => void this.#idle.push(resolve));
  }

  readonly #readFresh = (): void => {
    const fresh = this.#fresh;
    this.#fresh = [];
    for (const each of fresh) this.#read(each);
  };

  #read({ connection, via }: Fresh): void {
    const buffer = this.#free.pop() ?? new Uint8Array(OWN_BUFFER);
    const count = connection.receive(buffer);
    if (count === 0) {
      connection.close(null);
      return this.#closed(buffer);
    }
    const packet = this.#loneTask(buffer, count);
    const memory = packet === null ? null : this.#options.memory.small.takeNow();
    if (packet !== null && memory !== null) return this.#take(connection, packet, memory, buffer);
    const conversation = this.connections.serve(this.#options, connection, via);
    if (count > 0) {
      // Its own buffer is as large.
      conversation.space().set(buffer.subarray(0, count));
      conversation.came(count);
    }
    if (count < 0 && count !== -EAGAIN) conversation.broke(socketError("recv", -count));
    this.#closed(buffer);
  }

  /** What has come, when it is the packet of one task that asks for nothing of our extension; else null. */
  #loneTask(buffer: Uint8Array<ArrayBuffer>, count: number): RawPacket | null {
    const size = (buffer[1] as number) | ((buffer[2] as number) << 8);
    const isLone = count >= HEADER_SIZE && count === HEADER_SIZE + size &&
      buffer[0] === MODIFIER_SPOOL && buffer[3] === 0 &&
      size <= this.#options.rules().limits.maxVarsSize;
    if (!isLone) return null;
    return {
      header: { modifier1: MODIFIER_SPOOL, size, modifier2: 0 },
      vars: buffer.subarray(HEADER_SIZE, count),
      file: buffer.subarray(0, count),
      bodySize: null,
    };
  }

  #take(
    connection: LoneConnection,
    packet: RawPacket,
    memory: Permit,
    buffer: Uint8Array<ArrayBuffer>,
  ): void {
    const { rules, refused } = this.#options;
    const { accept, identify } = rules();
    const { peer } = connection;
    const { from, credential, sender } = peer;
    const request = requestOf(packet, identify);
    const report = (refusal: RefusalError) => refused(from, refusal);
    const done = (error: unknown) => {
      const answer = answerTo(request, error, undefined, { staysOpen: false, report });
      const broken = connection.close(answer);
      if (broken !== null) report(new RefusalError("cut off", `${BROKEN}: ${reasonOf(broken)}`));
      memory[Symbol.dispose]();
      this.#closed(buffer);
    };
    if ("error" in request) return done(request.error);
    const { vars, signed } = request;
    try {
      const { file } = packet;
      accept({ vars, file, signed, body: null, from, credential, sender, wantsName: false }, done);
    } catch (error) {
      done(error);
    }
  }

  /** One less has no conversation. */
  #closed(buffer: Uint8Array<ArrayBuffer>): void {
    this.#open--;
    if (this.#free.length < MOST_FREE) this.#free.push(buffer);
    if (this.#open > 0 || this.#idle.length === 0) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}
