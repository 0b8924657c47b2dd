/** What the main thread and the thread that takes tasks say to each other. Types only. @pure */

import type { Event } from "../report/event.ts";
import type { InboxSettings } from "../spool/spool_inbox.ts";
import type { KnownIds, SentId } from "../spool/accepted_ids.ts";
import type { TaskRef } from "../spool/layout.ts";
import type { NewTask } from "../task/new_task.ts";
import type { RefusalKind } from "../wire/refusal.ts";
import type { AcceptedGroup } from "./accepted_batch.ts";
import type { IncomingTask } from "./incoming_task.ts";
import type { ServiceSettings } from "./socket_server.ts";

/** A spool that tasks come into. */
export interface InboxPlace extends InboxSettings {
  readonly dir: string;
  /** In the log. */
  readonly name: string;
  /** Values of a task's `spooler` that mean it. */
  readonly names: readonly string[];
}

/** A task of a connection that the main thread has, because it is one with TLS. */
export interface RemoteTask extends Omit<IncomingTask, "body"> {
  /** Null without a body. */
  readonly bodySize: number | null;
}

/** A task that the main thread has, from somebody whom it knows, with the id that its sender gave it. */
export interface OwnTask {
  readonly dir: string;
  readonly task: Omit<NewTask, "body"> & { readonly body?: Uint8Array };
  readonly sent: SentId;
  /** For the log. */
  readonly from: string;
}

/** What became of it; null is a task that was accepted before. */
export type IntakePut =
  | { readonly accepted: TaskRef | null }
  | { readonly refusal: RefusalText };

/** Why a task was refused. An error crosses threads as its message alone. */
export interface RefusalText {
  readonly kind: RefusalKind;
  readonly message: string;
  readonly isTemporary: boolean;
}

/** What the `accept` of a remote task comes to: an acceptance without a refusal. */
export interface AcceptResult {
  readonly refusal?: RefusalText;
  /** Of the task, where it is wanted and known; of another with its key, where that stands for it. */
  readonly name?: string;
}

/** Each comes together with one raise of the signal that wakes the loop. */
export type ToIntake =
  /** The first. */
  | {
    readonly kind: "start";
    readonly signal: number;
    readonly mark: number;
    /** One number of 32 bits: the connections that are open. */
    readonly connections: SharedArrayBuffer;
  }
  /** Serves these sockets, and puts what comes into these spools; gets a reply when it does. */
  | {
    readonly kind: "use";
    readonly call: number;
    readonly settings: ServiceSettings;
    readonly places: readonly InboxPlace[];
    /** The ids of spools that are new, by their directories; of others it reads them itself. */
    readonly known: ReadonlyMap<string, KnownIds>;
  }
  | { readonly kind: "drop"; readonly call: number; readonly id: number }
  | { readonly kind: "close"; readonly call: number }
  /** The last: it stops waiting for sockets, and replies when it does. */
  | { readonly kind: "end"; readonly call: number }
  /** Gets a reply, an {@link AcceptResult}. */
  | { readonly kind: "accept"; readonly call: number; readonly task: RemoteTask }
  /** Gets a reply: an {@link IntakePut}. */
  | { readonly kind: "put"; readonly call: number; readonly task: OwnTask }
  /** Of the body of the task of a call: a piece, its end, or why there is none. */
  | {
    readonly kind: "piece";
    readonly call: number;
    readonly piece: Uint8Array | null | RefusalText;
  };

export type FromIntake =
  /** Its modules are loaded. */
  | { readonly kind: "up" }
  | { readonly kind: "accepted"; readonly groups: readonly AcceptedGroup[] }
  | { readonly kind: "event"; readonly event: Event }
  | { readonly kind: "reply"; readonly call: number; readonly value: unknown }
  | { readonly kind: "failed"; readonly call: number; readonly message: string }
  /** The body of a remote task is wanted: its next piece. */
  | { readonly kind: "want"; readonly call: number }
  /** The journal of a spool is closed: another one is wanted. */
  | { readonly kind: "journal"; readonly dir: string }
  /** A task that the journal has was refused after all. */
  | { readonly kind: "gone"; readonly dir: string; readonly id: string };
