/**
 * The pause of a whole stream: an entry beside what is remembered of failures. Each program that works
 * through the stream reads it before it pulls, and with each heartbeat.
 */

import type { NatsLink } from "../nats/link.ts";
import { messageIn } from "../nats/message.ts";
import { ATTEMPTS_SUFFIX } from "../nats/stream_address.ts";
import { isJsonObject, parseJson } from "../platform/json.ts";
import type { Store } from "../spool/store.ts";

/** In place of a message's number. */
const PAUSED = "paused";

function subjectOf({ address: { stream } }: NatsLink): string {
  return `${stream}${ATTEMPTS_SUFFIX}.${PAUSED}`;
}

/** Whether there is an entry, which also says when a pause has ended. */
export async function hasPauseEntry(link: NatsLink): Promise<boolean> {
  return await readEntry(link) !== null;
}

/** Since when nothing of it is started, in milliseconds since the epoch; null when things are. */
export async function streamPausedSince(link: NatsLink): Promise<number | null> {
  const entry = parseJson(await readEntry(link) ?? "null");
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

/** Has the directory of leases paused while the stream is, unless somebody has paused it himself. */
export class PauseOfStream {
  #isOurs = false;
  #isChecking = false;

  constructor(private readonly store: Pick<Store, "pause" | "resume">) {}

  async check(link: NatsLink): Promise<void> {
    if (this.#isChecking) return;
    this.#isChecking = true;
    try {
      const isPaused = await streamPausedSince(link) !== null;
      if (isPaused) {
        if (await this.store.pause()) this.#isOurs = true;
      } else if (this.#isOurs) {
        await this.store.resume();
        this.#isOurs = false;
      }
    } finally {
      this.#isChecking = false;
    }
  }
}
