/**
 * Which programs work through a stream, and what they have of it: whoever wants to know asks, and they
 * answer. NATS itself says that to its administrators alone.
 */

import type { NatsLink } from "../nats/link.ts";
import { isForbidden } from "../nats/login.ts";
import { isJsonObject, parseJson } from "../platform/json.ts";

/** A program that works through the stream. */
export interface StreamWorker {
  readonly host: string;
  readonly pid: number;
  readonly version: string;
  readonly processes: number;
  /** The only functions that it runs; null is all. */
  readonly functions: readonly string[] | null;
  readonly paused: boolean;
  /** Messages that wait or run there, by their numbers. */
  readonly held: readonly number[];
}

/** No stream has subjects with this beginning. */
function subjectOf({ address: { stream } }: NatsLink): string {
  return `spooler.workers.${stream}`;
}

/** The longest that is waited, and how long for one more that answers. */
const LONGEST_MS = 2_000;
const ONE_MORE_MS = 250;

/** Answers until the connection ends. */
export function answerRollCall(link: NatsLink, say: () => StreamWorker): void {
  link.connection.subscribe(subjectOf(link), {
    callback: (error, message) => {
      // Whoever may not listen is not counted.
      if (!error) message.respond(JSON.stringify(say()));
    },
  });
}

/** Those that answer soon; none where nobody listens. */
export async function callRoll(link: NatsLink): Promise<StreamWorker[]> {
  const workers: StreamWorker[] = [];
  try {
    const answers = await link.connection.requestMany(subjectOf(link), "", {
      ...{ strategy: "stall", stall: ONE_MORE_MS, maxWait: LONGEST_MS },
    });
    for await (const answer of answers) {
      const worker = parseJson(answer.string());
      if (isStreamWorker(worker)) workers.push(worker);
    }
  } catch (error) {
    if (!isNobody(link, error)) throw error;
  }
  return workers.toSorted((a, b) => a.host < b.host ? -1 : a.host > b.host ? 1 : a.pid - b.pid);
}

/** Nobody listens, or this side may not ask. */
function isNobody({ library }: NatsLink, error: unknown): boolean {
  return error instanceof library.RequestError && error.isNoResponders() ||
    error instanceof library.NoRespondersError || isForbidden(library, error);
}

function isStreamWorker(value: unknown): value is StreamWorker {
  if (!isJsonObject(value)) return false;
  const { host, pid, version, processes, functions, paused, held } = value;
  const isNumber = (each: unknown) => typeof each === "number";
  return typeof host === "string" && isNumber(pid) && typeof version === "string" &&
    isNumber(processes) && typeof paused === "boolean" &&
    (functions === null || Array.isArray(functions)) &&
    Array.isArray(held) && held.every(isNumber);
}
