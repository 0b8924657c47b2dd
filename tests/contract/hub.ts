/**
 * The other end of a forward: a peer that does with each task what the task's function says, as the
 * other kinds of handlers do it in their own code.
 */

import { existsSync } from "node:fs";
import { join } from "@std/path";
import { MODIFIER_PING } from "../../src/wire/packet.ts";
import {
  ACCEPTED,
  Peer,
  pong,
  type Received,
  refusal,
  type Talk,
  textOf,
} from "../support/peer.ts";
import { until } from "../support/until.ts";

/** Answers a task; null hangs up instead. */
type Func = (task: Received, hub: Hub) => Promise<Uint8Array | null>;

const FUNCTIONS: Readonly<Record<string, Func>> = {
  async tell(task, hub) {
    // The number of its attempts is nothing that a task takes along.
    const words = [textOf(task, "ud_spool_func"), textOf(task, "colour"), 1, ...task.body];
    await hub.note(words.join(" "));
    return ACCEPTED;
  },
  async retry(_task, hub) {
    if (hub.isFirst("retry")) return refusal("not now", { temporary: true });
    await hub.note("again");
    return ACCEPTED;
  },
  async failing(_task, hub) {
    await hub.note("failing");
    return refusal("the reason");
  },
  crashing: () => Promise.resolve(null),
  async waiting(_task, hub) {
    await hub.note("waiting");
    await hub.has("go");
    await hub.note("went");
    return ACCEPTED;
  },
};

export const HUB_FUNCTIONS: ReadonlySet<string> = new Set(Object.keys(FUNCTIONS));

export class Hub implements AsyncDisposable {
  readonly #peer = new Peer((talk) => this.#talk(talk));
  readonly #asked = new Set<string>();
  #isClosed = false;

  constructor(private readonly workingDir: string) {}

  get address(): string {
    return this.#peer.address;
  }

  /** Whether nobody has asked this before. */
  isFirst(question: string): boolean {
    const { size } = this.#asked;
    return this.#asked.add(question).size > size;
  }

  note(line: string): Promise<void> {
    return Deno.writeTextFile(join(this.workingDir, "told"), `${line}\n`, { append: true });
  }

  /** Resolves when there is a file of this name; rejects when the hub is closed before. */
  async has(name: string): Promise<void> {
    const path = join(this.workingDir, name);
    await until(() => this.#isClosed || existsSync(path), `${path} is there`);
    if (this.#isClosed) throw new Error("the hub is closed");
  }

  async #talk(talk: Talk): Promise<void> {
    for (let packet = await talk.next(); packet; packet = await talk.next()) {
      const answer = packet.header.modifier1 === MODIFIER_PING
        ? pong()
        : await FUNCTIONS[textOf(packet, "ud_spool_func") ?? ""]?.(packet, this);
      if (!answer) return;
      await talk.say(answer);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    await this.#peer.close();
  }
}
