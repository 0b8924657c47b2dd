/**
 * Serves listening sockets by a poll loop, in whichever thread that is: their connections, what those have
 * in common, and the rules that hold for all. New rules hold for connections that are open, too.
 */

import type { Clock } from "../platform/clock.ts";
import type { SocketCalls } from "../platform/socket_calls.ts";
import type { Emit } from "../report/event.ts";
import type { Network } from "../wire/network.ts";
import type { Credential } from "../wire/pickle_rule.ts";
import { AnswersTogether } from "./answers_together.ts";
import { type AdmissionOptions, allowedBy, isAllowed, letIn } from "./admission.ts";
import { Connections, type Entrance } from "./connections.ts";
import { Deadlines } from "./deadlines.ts";
import type { Accept } from "./incoming_task.ts";
import { PacketMemory } from "./packet_memory.ts";
import { LoneTasks } from "./lone_tasks.ts";
import type { PollLoop } from "../platform/poll_loop.ts";
import { Refusals } from "./refusals.ts";
import { type ConversationRules, rulesOf } from "./rules.ts";
import type { ReceptionConfig } from "./settings.ts";
import { SocketDoor } from "./socket_door.ts";
import { troubleEvent } from "./trouble.ts";

/** A socket that listens, as one thread hands it to another: descriptors are the process's. */
export interface ServedSocket {
  /** Of no other socket of this program, whenever it was open. */
  readonly id: number;
  /** Another one when it was opened again. */
  readonly fd: number;
  /** For people. */
  readonly address: string;
  readonly credential: Credential;
}

export interface ServiceSettings {
  readonly sockets: readonly ServedSocket[];
  readonly reception: ReceptionConfig;
  /** Connections at the same time. */
  readonly most: number;
}

/** What serves sockets, here or in another thread. */
export interface SocketService {
  /** Connections that are open. */
  readonly connections: number;
  /** Serves these sockets, and closes others once who waited there was let in. */
  use(settings: ServiceSettings): void;
  /** Resolves when a socket is closed; its connections end when they have their answers. */
  drop(id: number): Promise<void>;
  /** Takes no more connections; resolves when those that are open have their answers. */
  close(): Promise<void>;
}

export interface SocketServerOptions {
  readonly calls: SocketCalls;
  readonly loop: PollLoop;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly accept: Accept;
}

export class SocketServer implements SocketService {
  readonly #options: SocketServerOptions;
  readonly #doors = new Map<number, SocketDoor>();
  readonly #open = new Connections(0);
  readonly #deadlines: Deadlines;
  readonly #memory: PacketMemory;
  readonly #refusals: Refusals;
  readonly #lone: LoneTasks;
  readonly #together = new AnswersTogether();
  #rules: ConversationRules | null = null;
  readonly #admission: AdmissionOptions & { allow: readonly Network[] | null };

  constructor(options: SocketServerOptions) {
    const { clock, loop, emit } = options;
    this.#options = options;
    this.#deadlines = new Deadlines(clock);
    this.#memory = new PacketMemory({ nextTurn: (resume) => loop.soon(resume) });
    this.#refusals = new Refusals(clock, emit);
    this.#admission = {
      ...{ connections: this.#open, clock, deadlines: this.#deadlines, memory: this.#memory },
      ...{ round: loop, together: this.#together },
      rules: () => this.#currentRules(),
      refused: (from, refusal) => this.#refusals.report(from, refusal),
      allow: null,
    };
    this.#lone = new LoneTasks(this.#admission, this.#open, loop);
  }

  get connections(): number {
    return this.#open.count + this.#lone.count;
  }

  /** Many tasks may be accepted in `accept`: their answers go out together. */
  answerTogether<T>(accept: () => T): T {
    return this.#together.gather(accept);
  }

  use({ sockets, reception, most }: ServiceSettings): void {
    this.#rules = rulesOf(reception, this.#options.accept);
    this.#admission.allow = allowedBy(reception);
    this.#open.most = most;
    const named = new Set(sockets.map(({ id }) => id));
    for (const id of this.#doors.keys()) if (!named.has(id)) this.drop(id);
    for (const socket of sockets) {
      const door = this.#doors.get(socket.id);
      if (door?.fd === socket.fd) continue;
      // It was opened again: who is in stays.
      door?.close();
      this.#serve(socket);
    }
    this.#endThose(({ ip }) => !isAllowed(ip, this.#admission.allow));
  }

  /** Behind the first reading of those that were let in. */
  #endThose(isMeant: (entrance: Entrance) => boolean): void {
    this.#options.loop.soon(() => void this.#open.close(isMeant));
  }

  #serve({ id, fd, address, credential }: ServedSocket): void {
    const { loop, calls, clock, emit } = this.#options;
    const door = new SocketDoor({
      ...{ fd, credential, loop, calls, clock },
      admit: (accepted) => letIn(accepted, this.#admission, this.#lone, id),
      troubled: (reason) => emit(troubleEvent(address, reason)),
    });
    this.#doors.set(id, door);
  }

  #currentRules(): ConversationRules {
    if (this.#rules === null) throw new Error("no rules were set");
    return this.#rules;
  }

  drop(id: number): Promise<void> {
    const door = this.#doors.get(id);
    this.#doors.delete(id);
    door?.close();
    this.#endThose(({ via }) => via === id);
    return Promise.resolve();
  }

  async close(): Promise<void> {
    for (const id of [...this.#doors.keys()]) this.drop(id);
    await Promise.all([this.#open.close(), this.#lone.idle()]);
    // What was read for the first time meanwhile may have become a conversation.
    await this.#open.close();
    this.#refusals.close();
  }
}
