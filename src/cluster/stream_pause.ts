/**
 * The pause of a whole stream: an entry beside what is remembered of failures. Each program that works
 * through the stream reads it before it pulls, and then hears of each change.
 */

import type { NatsLink } from "../nats/link.ts";
import { messageIn } from "../nats/message.ts";
import { ATTEMPTS_SUFFIX } from "../nats/stream_address.ts";
import { pauseOrAbort } from "../platform/aborting.ts";
import type { Clock } from "../platform/clock.ts";
import { isJsonObject, parseJson } from "../platform/json.ts";
import type { Store } from "../spool/store.ts";

/** In place of a message's number. */
const PAUSED = "paused";
/** A leader has stored what was published within this. */
const STORED_MS = 1_000;
/** How often a pause is read, of which a program hears otherwise. */
const CHECK_MS = 30_000;

function subjectOf({ address: { stream } }: NatsLink): string {
  return `${stream}${ATTEMPTS_SUFFIX}.${PAUSED}`;
}

/** Whether there is an entry, which also says when a pause has ended. */
export async function hasPauseEntry(link: NatsLink): Promise<boolean> {
  return await readEntry(link) !== null;
}

/** Since when nothing of it is started, in milliseconds since the epoch; null when things are. */
export async function streamPausedSince(link: NatsLink): Promise<number | null> {
  return sinceIn(await readEntry(link) ?? "null");
}

function sinceIn(text: string): number | null {
  const entry = parseJson(text);
  return isJsonObject(entry) && typeof entry.since === "number" ? entry.since : null;
}

/** @param since null ends the pause */
export async function writePause(link: NatsLink, since: number | null): Promise<void> {
  await link.jetstream.publish(subjectOf(link), JSON.stringify({ since }));
}

async function readEntry(link: NatsLink): Promise<string | null> {
  const name = `${link.address.stream}${ATTEMPTS_SUFFIX}`;
  const stored = await messageIn(link, name, { last_by_subj: subjectOf(link) });
  return stored?.string() ?? null;
}

export interface PauseOptions {
  readonly store: Pick<Store, "pause" | "resume">;
  readonly clock: Clock;
  /** A pause has ended. */
  resumed(): void;
}

/** Has the directory of leases paused while the stream is, unless somebody has paused it himself. */
export class PauseOfStream {
  readonly #options: PauseOptions;
  #isOurs = false;
  /** Changes that were heard of. */
  #heard = 0;
  /** By the monotonic clock. */
  #checkedAt = -Infinity;
  /** One after the other. */
  #applying: Promise<void> = Promise.resolve();

  constructor(options: PauseOptions) {
    this.#options = options;
  }

  /**
   * Hears of each change from now on, as long as the connection lives: whoever publishes to the stream
   * publishes to all who have subscribed. Then it reads what holds now.
   *
   * @throws {Error} when nobody can say whether it is paused
   */
  async watch(link: NatsLink): Promise<void> {
    link.connection.subscribe(subjectOf(link), {
      callback: (error, message) => {
        // The login may not subscribe to it: it is read once in a while.
        if (error) return;
        this.#heard++;
        this.#apply(sinceIn(message.string()) !== null).catch(() => {});
        this.#checkSoon(link).catch(() => {});
      },
    });
    await this.check(link);
  }

  /** A stream that has no leader now has not stored what was heard. */
  async #checkSoon(link: NatsLink): Promise<void> {
    await pauseOrAbort(this.#options.clock, STORED_MS, link.signal);
    if (!link.signal.aborted) await this.check(link);
  }

  /**
   * Reads it once in a while, for a login that may not hear of it.
   *
   * @throws {Error} when nobody can say whether it is paused
   */
  async checkAgain(link: NatsLink): Promise<void> {
    const now = this.#options.clock.monotonic();
    if (now - this.#checkedAt < CHECK_MS) return;
    this.#checkedAt = now;
    await this.check(link);
  }

  /** Reads whether it is paused. @throws {Error} when nobody can say that */
  async check(link: NatsLink): Promise<void> {
    const heard = this.#heard;
    const isPaused = await streamPausedSince(link) !== null;
    // What was heard meanwhile is newer, and is checked by itself.
    if (heard === this.#heard) await this.#apply(isPaused);
  }

  #apply(isPaused: boolean): Promise<void> {
    const applying = this.#applying.then(async () => {
      const { store, resumed } = this.#options;
      if (isPaused) {
        if (await store.pause()) this.#isOurs = true;
      } else if (this.#isOurs) {
        await store.resume();
        this.#isOurs = false;
        resumed();
      }
    });
    this.#applying = applying.catch(() => {});
    return applying;
  }
}
