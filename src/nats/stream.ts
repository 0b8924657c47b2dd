/**
 * The stream as this program needs it: made, read back, and checked. Servers drop settings that they do
 * not know, so what was asked for is compared with what is there.
 */

import type { StreamConfig, StreamInfo } from "@nats-io/jetstream";
import { reasonOf } from "../platform/reason.ts";
import { SLOT_REMEMBERED_MS } from "../schedule/slot_id.ts";
import { NANOSECONDS, type NatsLink } from "./link.ts";
import { isForbidden } from "./login.ts";
import { ATTEMPTS_SUFFIX, BODIES_SUFFIX, FAILED_SUFFIX, ONCE_SUFFIX } from "./stream_address.ts";
import { allSubjectsOf } from "./subject.ts";

const MINUTE_MS = 60_000;

export interface StreamWish {
  /** Servers that keep each message. */
  readonly replicas: number;
  /** How long a server remembers the ids of messages. */
  readonly dedupWindowMs: number;
  /** What it refuses beyond; null is no limit. */
  readonly maxTasks: number | null;
}

/** Of one of the streams. */
export interface StreamState {
  readonly name: string;
  readonly messages: number;
  readonly bytes: number;
  readonly replicas: number;
  /** The server that leads it; null where there is no cluster, or no leader now. */
  readonly leader: string | null;
  /** Servers that have a copy and are not heard of, or are behind. */
  readonly behind: readonly string[];
}

export interface StreamReport {
  readonly server: string;
  readonly tasks: StreamState;
  readonly failed: StreamState;
  readonly bodies: StreamState;
  /** What is not as this program needs it, in words. */
  readonly warnings: readonly string[];
}

/** @throws {Error} when the stream is not there, or nobody answers for it */
export async function requireStream(link: NatsLink): Promise<StreamInfo> {
  const { library, manager, address: { stream, text } } = link;
  try {
    return await manager.streams.info(stream);
  } catch (error) {
    if (error instanceof library.StreamNotFoundError) {
      throw new Error(`there is no stream ${stream}; make it by spooler stream create ${text}`);
    }
    if (error instanceof library.JetStreamNotEnabled) throw new Error(NO_JETSTREAM);
    throw error;
  }
}

const NO_JETSTREAM = "its servers have no JetStream, or elect a leader now";

/** Makes what is missing, and changes what is otherwise. */
export async function createStream(link: NatsLink, wish: StreamWish): Promise<StreamReport> {
  const { manager, library, address: { stream } } = link;
  try {
    for (const config of wantedStreams(link, wish)) {
      const isThere = await manager.streams.info(config.name).then(() => true, (error) => {
        if (error instanceof library.StreamNotFoundError) return false;
        throw error;
      });
      if (isThere) await manager.streams.update(config.name, config);
      else await manager.streams.add(config);
    }
    const store = { storage: library.StorageType.File, replicas: wish.replicas };
    await new library.Objm(link.jetstream).create(`${stream}${BODIES_SUFFIX}`, store);
    // It leaves a store that is there as it is.
    const bodies = wantedBodies(stream, wish);
    await manager.streams.update(bodies.name, bodies);
  } catch (error) {
    if (error instanceof library.JetStreamNotEnabled) throw new Error(NO_JETSTREAM);
    if (isForbidden(library, error)) throw error;
    throw new Error(`create ${stream}: ${reasonOf(error)}`);
  }
  return await reportOn(link, wish);
}

/** @param wish what it is to have; null is what it has */
export async function reportOn(link: NatsLink, wish: StreamWish | null): Promise<StreamReport> {
  const { manager, address: { stream } } = link;
  const tasks = await requireStream(link);
  const infoOf = async (name: string) => {
    try {
      return await manager.streams.info(name);
    } catch (error) {
      throw new Error(`${name}: ${reasonOf(error)}; spooler stream create makes what is missing`);
    }
  };
  const failed = await infoOf(`${stream}${FAILED_SUFFIX}`);
  const attempts = await infoOf(`${stream}${ATTEMPTS_SUFFIX}`);
  const once = await infoOf(`${stream}${ONCE_SUFFIX}`);
  const bodies = await infoOf(`OBJ_${stream}${BODIES_SUFFIX}`);
  const goal = wish ?? wishOf(tasks);
  const wanted = [...wantedStreams(link, goal), wantedBodies(stream, goal)];
  return {
    server: link.serverVersion,
    tasks: stateOf(tasks),
    failed: stateOf(failed),
    bodies: stateOf(bodies),
    warnings: [
      ...[tasks, failed, attempts, once, bodies]
        .flatMap(({ config }, i) => differences(wanted[i], config)),
      ...promiseOf(link.serverVersion, tasks),
    ],
  };
}

function wishOf({ config }: StreamInfo): StreamWish {
  return {
    replicas: config.num_replicas,
    dedupWindowMs: config.duplicate_window / NANOSECONDS,
    maxTasks: config.max_msgs > 0 ? config.max_msgs : null,
  };
}

type Wanted = Partial<StreamConfig> & { readonly name: string };

/** What of the object store of large bodies is not the library's. */
function wantedBodies(stream: string, { replicas }: StreamWish): Wanted {
  return { name: `OBJ_${stream}${BODIES_SUFFIX}`, num_replicas: replicas };
}

/** Of tasks, of those that were given up, of what is remembered of failures, and of slots of jobs. */
function wantedStreams(
  { library, address: { stream } }: NatsLink,
  { replicas, dedupWindowMs, maxTasks }: StreamWish,
): Wanted[] {
  const { RetentionPolicy, StorageType, DiscardPolicy } = library;
  const common = {
    storage: StorageType.File,
    // A full stream refuses: the other policy would drop the oldest task.
    discard: DiscardPolicy.New,
    num_replicas: replicas,
    duplicate_window: dedupWindowMs * NANOSECONDS,
    max_age: 0,
    max_msgs: -1,
    max_bytes: -1,
    allow_direct: true,
  };
  const failed = `${stream}${FAILED_SUFFIX}`;
  const attempts = `${stream}${ATTEMPTS_SUFFIX}`;
  const once = `${stream}${ONCE_SUFFIX}`;
  return [
    {
      ...common,
      name: stream,
      subjects: [allSubjectsOf(stream)],
      retention: RetentionPolicy.Workqueue,
      max_msgs: maxTasks ?? -1,
    },
    {
      ...common,
      name: failed,
      subjects: [allSubjectsOf(failed)],
      retention: RetentionPolicy.Limits,
    },
    {
      ...common,
      name: attempts,
      subjects: [allSubjectsOf(attempts)],
      retention: RetentionPolicy.Limits,
      discard: DiscardPolicy.Old,
      max_msgs_per_subject: 1,
    },
    {
      ...common,
      name: once,
      subjects: [allSubjectsOf(once)],
      retention: RetentionPolicy.Limits,
      discard: DiscardPolicy.Old,
      max_msgs_per_subject: 1,
      max_age: SLOT_REMEMBERED_MS * NANOSECONDS,
      // Its messages have no ids, and no server takes a window longer than max_age.
      duplicate_window: MINUTE_MS * NANOSECONDS,
    },
  ];
}

function differences(wanted: Wanted | undefined, found: StreamConfig): string[] {
  return Object.entries(wanted ?? {}).flatMap(([key, value]) => {
    const has: unknown = found[key as keyof StreamConfig];
    const same = JSON.stringify(has ?? null) === JSON.stringify(value);
    return same ? [] : [
      `${found.name} has ${key} ${JSON.stringify(has ?? null)}, not ${JSON.stringify(value)}`,
    ];
  });
}

/** What a power cut may cost. */
function promiseOf(version: string, info: StreamInfo): string[] {
  const { config } = info;
  const replicas = copiesOf(info);
  if (replicas >= 3) return [];
  if (config.num_replicas > replicas) {
    const wanted = `${config.name} is to have ${config.num_replicas} replicas`;
    return [`${wanted}, and its server belongs to no cluster: there is one copy`];
  }
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const knowsSync = major > 2 || (major === 2 && minor >= 10);
  return [
    knowsSync
      ? `${replicas === 1 ? "one server has" : "two servers have"} each task: set sync_interval: ` +
        "always there, or a power cut may lose what was accepted in the last two minutes"
      : `server ${version} accepts tasks before they are on its disk, and has no sync_interval: a ` +
        "power cut may lose them; use 2.10 or later, or three replicas on separate power",
  ];
}

/** A server that belongs to no cluster accepts any number up to 2.10, and has one copy. */
function copiesOf(info: StreamInfo): number {
  return clusterOf(info) === null ? 1 : info.config.num_replicas;
}

/** Null for a server that belongs to none, which from 2.10 on says that it leads one without a name. */
function clusterOf({ cluster }: StreamInfo): StreamInfo["cluster"] | null {
  return cluster?.name === undefined ? null : cluster;
}

/** What its servers say of a stream, as it is shown. */
export function stateOf(info: StreamInfo): StreamState {
  const { config: { name }, state } = info;
  const cluster = clusterOf(info);
  const replicas = copiesOf(info);
  const behind = (cluster?.replicas ?? []).filter(({ current, offline }) => !current || offline);
  return {
    ...{ name, replicas },
    messages: state.messages,
    bytes: state.bytes,
    leader: cluster?.leader ?? null,
    behind: behind.map((each) => each.name),
  };
}
