/**
 * Removes what is left in the object store of a stream though no task needs it: the body of a task that was
 * purged, or whose program died before it could remove it, and pieces of bodies that never became whole. A
 * young one is left alone, as its message may be on the way.
 */

import type { NatsLink } from "../nats/link.ts";
import { messageIn } from "../nats/message.ts";
import { BODY_HEADER } from "../nats/headers.ts";
import { REUSED_WITHIN_MS } from "../nats/publish.ts";
import { BODIES_SUFFIX, FAILED_SUFFIX } from "../nats/stream_address.ts";
import type { Cancel, Clock, Random } from "../platform/clock.ts";

/** Nobody publishes a message for a body that is older, whatever the clocks say. */
const YOUNG_MS = 24 * REUSED_WITHIN_MS;
/** Between two sweeps, on average. */
const EVERY_MS = 3_600_000;

interface BodyMessage {
  readonly stream: string;
  readonly sequence: number;
}

export interface BodySweepOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Null while there is no connection. */
  link(): NatsLink | null;
}

export class BodySweep {
  readonly #options: BodySweepOptions;
  /** Where the message of an old body was seen. */
  #known = new Map<string, BodyMessage>();
  #cancel: Cancel = () => {};

  constructor(options: BodySweepOptions) {
    this.#options = options;
  }

  /** Programs that start together sweep at different times. */
  start(): void {
    const { clock, random, link } = this.#options;
    this.#cancel = clock.after((0.5 + random()) * EVERY_MS, () => {
      const now = link();
      // What cannot be done now is done by the next sweep, here or elsewhere.
      if (now !== null) this.sweep(now).catch(() => {});
      this.start();
    });
  }

  stop(): void {
    this.#cancel();
  }

  /** @returns the names of the bodies that it has removed */
  async sweep(link: NatsLink, youngMs = YOUNG_MS): Promise<string[]> {
    const before = this.#options.clock.now() - youngMs;
    const bodies = await link.bodies();
    const all = await bodies.list();
    const old = all.filter(({ mtime, deleted }) => !deleted && Date.parse(mtime) < before);
    const unneeded = await this.#withoutMessage(link, old.map(({ name }) => name));
    for (const name of unneeded) await bodies.delete(name);
    await removePieces(link, new Set(all.map(({ nuid }) => nuid)), before);
    return unneeded;
  }

  async #withoutMessage(link: NatsLink, names: readonly string[]): Promise<string[]> {
    const known = new Map<string, BodyMessage>();
    for (const name of names) {
      const at = this.#known.get(name);
      const message = at && await messageIn(link, at.stream, { seq: at.sequence });
      if (at && message?.header.get(BODY_HEADER) === name) known.set(name, at);
    }
    this.#known = known;
    const missing = () => names.filter((name) => !known.has(name));
    if (missing().length === 0) return [];
    const { stream } = link.address;
    const failed = `${stream}${FAILED_SUFFIX}`;
    // A task that goes from one to the other meanwhile is copied first: it is seen in one of them.
    let failedSeen = 0;
    for await (const [name, at] of bodiesIn(link, failed, 1)) {
      known.set(name, at);
      failedSeen = at.sequence;
    }
    for await (const [name, at] of bodiesIn(link, stream, 1)) known.set(name, at);
    for await (const [name, at] of bodiesIn(link, failed, failedSeen + 1)) known.set(name, at);
    return missing();
  }
}

/** The messages of a stream that have bodies in the store, the oldest first. */
async function* bodiesIn(
  link: NatsLink,
  stream: string,
  from: number,
): AsyncGenerator<readonly [name: string, BodyMessage]> {
  for (let seq = from;;) {
    const message = await messageIn(link, stream, { seq, next_by_subj: ">" });
    if (message === null) return;
    const name = message.header.get(BODY_HEADER);
    if (name !== "") yield [name, { stream, sequence: message.seq }];
    seq = message.seq + 1;
  }
}

/** Pieces that no object has: whoever put them was cut off. */
async function removePieces(
  link: NatsLink,
  known: ReadonlySet<string>,
  before: number,
): Promise<void> {
  const { streams } = link.manager;
  const bucket = `${link.address.stream}${BODIES_SUFFIX}`;
  const prefix = `$O.${bucket}.C.`;
  const { state } = await streams.info(`OBJ_${bucket}`, { subjects_filter: `${prefix}>` });
  for (const subject of Object.keys(state.subjects ?? {})) {
    if (known.has(subject.slice(prefix.length))) continue;
    const last = await messageIn(link, `OBJ_${bucket}`, { last_by_subj: subject });
    if (last === null || last.time.getTime() >= before) continue;
    await streams.purge(`OBJ_${bucket}`, { filter: subject });
  }
}
