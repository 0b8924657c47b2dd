/**
 * What is done with the packets of one connection: a ping is answered, a task is handed on and answered
 * when it is on disk. Everything else is refused.
 */

import { pingAnswer, PONG, REFUSED } from "../wire/answer.ts";
import { KEEP_OPEN, MODIFIER_PING, MODIFIER_SPOOL, WANTS_NAME } from "../wire/packet.ts";
import type { RawPacket } from "../wire/reader.ts";
import { RefusalError } from "../wire/refusal.ts";
import type { Signed } from "../wire/signature.ts";
import { answerTo, refusalTo } from "./task_answer.ts";
import type { AnswerQueue } from "./answers.ts";
import { BodyInput } from "./body.ts";
import type { FruitlessPackets } from "./fruitless.ts";
import {
  type IncomingRequest,
  type IncomingTask,
  requestOf,
  signerOf,
  type TaskDone,
} from "./incoming_task.ts";
import type { IncomingPacket } from "./packet_input.ts";
import type { Permit } from "../platform/permits.ts";
import type { PacketMemory } from "./packet_memory.ts";
import type { ConversationRules } from "./rules.ts";
import type { PeerIdentity } from "./transport.ts";
import { counted } from "../platform/count_text.ts";

export interface PacketWorkOptions {
  readonly peer: PeerIdentity;
  readonly rules: () => ConversationRules;
  readonly memory: PacketMemory;
  readonly answers: AnswerQueue;
  readonly fruitless: FruitlessPackets;
  /** Takes what came of a body together with its packet. */
  readonly takeBody: (most: number) => Uint8Array;
  readonly report: (refusal: RefusalError) => void;
  /** Called before each task. */
  readonly active: () => void;
  /** Called when an answer is known, or a body can take more bytes. */
  readonly changed: () => void;
}

export interface Handled {
  /** Whether the connection ends behind this packet; `linger` is with more of it on its way. */
  readonly end: "close" | "linger" | null;
  /** What is to be read before the next packet. */
  readonly body: BodyInput | null;
}

const CLOSE: Handled = { end: "close", body: null };
const GO_ON: Handled = { end: null, body: null };

export class PacketWork {
  readonly #options: PacketWorkOptions;
  /** Tasks that are being put on disk. */
  #working = 0;
  #isEnded = false;

  constructor(options: PacketWorkOptions) {
    this.#options = options;
  }

  get isBusy(): boolean {
    return this.#working > 0;
  }

  /** Why the connection ends was reported: what its tasks fail with for that says nothing new. */
  end(): void {
    this.#isEnded = true;
  }

  /** Answers with a refusal, without a reason: the peer may be anybody. */
  refuse(refusal: RefusalError): void {
    this.#options.answers.add(this.#refusal(refusal, false, null));
  }

  handle({ packet, memory }: IncomingPacket): Handled {
    const { answers, fruitless, report } = this.#options;
    const { modifier1, modifier2 } = packet.header;
    const staysOpen = (modifier2 & KEEP_OPEN) !== 0;
    if (modifier1 === MODIFIER_SPOOL) return this.#take(packet, memory, staysOpen);
    if (modifier1 !== MODIFIER_PING) {
      const message = `modifier1 ${modifier1} is not supported (17 is a task, 100 a ping)`;
      report(new RefusalError("malformed", message));
    } else {
      fruitless.add();
      // uwsgi --ping takes anything behind the header for a warning.
      answers.add(staysOpen ? this.#pingAnswer(packet) : PONG);
    }
    memory[Symbol.dispose]();
    return staysOpen && modifier1 === MODIFIER_PING ? GO_ON : CLOSE;
  }

  #pingAnswer(packet: RawPacket): Uint8Array<ArrayBuffer> {
    const { limits, features, receiver, identify } = this.#options.rules();
    const request = signerOf(requestOf(packet, identify));
    return pingAnswer({ features, maxBody: limits.maxBodySize, receiver, request });
  }

  #take(packet: RawPacket, memory: Permit, staysOpen: boolean): Handled {
    const { answers, rules, changed } = this.#options;
    const { limits: { maxBodySize }, identify } = rules();
    const request = requestOf(packet, identify);
    const { file, bodySize, header: { modifier2 } } = packet;
    const wantsName = (modifier2 & WANTS_NAME) !== 0;
    if (bodySize !== null && bodySize > maxBodySize) {
      const message = `the body has ${
        counted(bodySize, "byte")
      }; spooler-max-body is ${maxBodySize}`;
      const refusal = new RefusalError("too large", message);
      answers.add(this.#refusal(refusal, staysOpen, signerOf(request)));
      memory[Symbol.dispose]();
      return { end: "linger", body: null };
    }
    const body = bodySize === null ? null : this.#bodyOf(bodySize);
    const slot = answers.add();
    this.#working++;
    this.#accept(request, { file, body, wantsName }, (error, name) => {
      this.#working--;
      body?.discard();
      slot.bytes = this.#answerTo(
        request,
        staysOpen,
        error,
        staysOpen || wantsName ? name : undefined,
      );
      memory[Symbol.dispose]();
      changed();
    });
    return { end: staysOpen ? null : "close", body };
  }

  #bodyOf(size: number): BodyInput {
    const { memory, takeBody, changed } = this.#options;
    return new BodyInput({ size, first: takeBody(size), memory, changed });
  }

  /** Tasks are put in the order of the calls, as far as their putting does not wait. */
  #accept(
    request: IncomingRequest,
    { file, body, wantsName }: Pick<IncomingTask, "file" | "body" | "wantsName">,
    done: TaskDone,
  ): void {
    if ("error" in request) return done(request.error);
    const { active, rules, peer: { from, credential, sender } } = this.#options;
    const { vars, signed } = request;
    active();
    try {
      rules().accept({ vars, file, signed, body, from, credential, sender, wantsName }, done);
    } catch (error) {
      done(error);
    }
  }

  /** @param error null when the task was accepted */
  #answerTo(
    request: IncomingRequest,
    staysOpen: boolean,
    error: unknown,
    name: string | undefined,
  ): Uint8Array<ArrayBuffer> {
    const { fruitless, report } = this.#options;
    if (error !== null && this.#isEnded) return REFUSED;
    if (error === null) fruitless.reset();
    else fruitless.add();
    return answerTo(request, error, name, { staysOpen, report });
  }

  #refusal(
    refusal: RefusalError,
    staysOpen: boolean,
    signer: Signed | null,
  ): Uint8Array<ArrayBuffer> {
    const { fruitless, report } = this.#options;
    fruitless.add();
    return refusalTo(refusal, signer, { staysOpen, report });
  }
}
