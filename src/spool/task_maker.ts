/**
 * Makes the file of a new task: written in tmp, on disk with its name when it is accepted. There are four
 * ways: at once, where nothing is synced; with nothing but its syncs in the threads that wait for the disk; all
 * of it in those; and by the journal.
 */

import type { Hash } from "node:crypto";
import { join } from "@std/path";
import { isMemory } from "../platform/file_system.ts";
import { type Permit, Permits } from "../platform/permits.ts";
import type { NewTask } from "../task/new_task.ts";
import type { AcceptedIds, SentId } from "./accepted_ids.ts";
import { BusyDisk, MOST_FILE_MS } from "./busy_disk.ts";
import { type SpoolDirectory, TASK_MODE } from "./directory.ts";
import { type OpenFile, writeAllSync } from "./files.ts";
import type { JournalIntake } from "./journal_intake.ts";
import type { Landing } from "./landing.ts";
import { type TaskRef, TMP_DIR } from "./layout.ts";
import type { UniqueTasks } from "./unique_tasks.ts";
import type { UniqueWish } from "../task/unique.ts";

/** A task on its way into the spool. */
export interface Making {
  readonly ref: TaskRef;
  readonly packet: Uint8Array<ArrayBuffer>;
  readonly body: NewTask["body"];
  readonly id: SentId | null;
  /** Of all its bytes; null when nobody asks for it again. */
  readonly content: Hash | null;
  /** Since the epoch. */
  readonly dueSeconds: number;
  /** Where its file is now. */
  path: string;
  isAnnounced: boolean;
  /** Of its key: null while it has none. */
  claim: "new" | "for another" | null;
}

/**
 * A body is on disk whenever so much more of it has come. With all of a large one at its end, everybody
 * who syncs anything then waits for it: 4 bodies of 64 MiB made that 90 ms for a journal, and 19 this way.
 */
const SYNCED_BYTES = 2 ** 20;

/** Half of the threads that the runtime has for such calls. */
const syncs = new Permits(16);

/** With more the copy of it would be what takes long. */
const SMALL_BODY = 64 * 1024;

/** A disk that takes longer than this for a task is busy: the event loop must not wait for it. */
const MOST_TASK_MS = 20;

export class TaskMaker {
  /** As tasks find it that are synced by themselves, or come many at a time. */
  readonly disk: BusyDisk;
  /** As the others find it. */
  readonly #disk: BusyDisk;
  /** Undefined until somebody wants to know. */
  #isMemory: boolean | undefined;

  constructor(
    private readonly spool: SpoolDirectory,
    private readonly ids: AcceptedIds,
    private readonly landing: Landing,
  ) {
    this.disk = new BusyDisk(spool.clock);
    this.#disk = new BusyDisk(spool.clock);
  }

  /** A busy disk can make each of these steps wait for seconds: the program must not. */
  async #makeByThreads(making: Making): Promise<void> {
    await this.#writeByThreads(making, async (file) => {
      this.#announce(making);
      await this.#commit(file, making.isAnnounced);
    });
    const { files } = this.spool;
    await this.spool.sync(await this.#name(making, (from, to) => files.rename(from, to)));
  }

  /** The file is closed before it has its name: a later close would drop the lock of its claim. */
  async #writeByThreads(
    making: Making,
    finish: (file: OpenFile) => Promise<void>,
  ): Promise<void> {
    const { path, dueSeconds } = making;
    const how = { write: true, createNew: true, mode: TASK_MODE };
    using file = await this.spool.files.open(path, how);
    await this.#write(file, making);
    // Set, because files need not be written in the order of the calls: tasks then run in it.
    await file.utime(dueSeconds, dueSeconds);
    await finish(file);
  }

  /** @returns the directory it is in */
  async #name(
    making: Making,
    rename: (from: string, to: string) => void | Promise<void>,
  ): Promise<string> {
    const { ref, path } = making;
    const target = await this.spool.directoryFor(ref);
    this.landing.begin(ref);
    try {
      await rename(path, join(target, ref.name));
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      // The directory of its priority was empty, and was removed at this moment.
      await rename(path, join(await this.spool.directoryFor(ref), ref.name));
    }
    making.path = join(target, ref.name);
    return target;
  }

  /** Without a journal. */
  async make(making: Making): Promise<void> {
    if (!this.#mayWriteAtOnce(making)) await this.#makeByThreads(making);
    else if (this.spool.fsync) await this.#makeAndSync(making);
    else await this.#makeAtOnce(making);
  }

  /** Only the kernel's memory is written: handing that to threads costs more than it does. */
  #mayWriteAtOnce({ body }: Making): boolean {
    const isSmall = body === undefined || body instanceof Uint8Array && body.length <= SMALL_BODY;
    const disk = this.spool.fsync ? this.disk : this.#disk;
    return isSmall && (!disk.isBusy || this.#isInMemory);
  }

  /** Each step in a thread waits twice for a core, there and back: on a busy machine longer than for the disk. */
  async #makeAndSync(making: Making): Promise<void> {
    {
      const startedAt = this.disk.begin();
      using file = this.#openWritten(making);
      this.#announce(making);
      this.disk.ended(startedAt, MOST_FILE_MS);
      await this.#commit(file, making.isAnnounced);
    }
    const { files } = this.spool;
    await this.spool.sync(await this.#name(making, (from, to) => files.renameSync(from, to)));
  }

  #openWritten({ path, packet, body, content, dueSeconds }: Making): OpenFile {
    const { files } = this.spool;
    const file = files.openSync(path, { write: true, createNew: true, mode: TASK_MODE });
    try {
      for (const bytes of body instanceof Uint8Array ? [packet, body] : [packet]) {
        writeAllSync(file, bytes);
      }
      if (body instanceof Uint8Array) content?.update(body);
      files.utimeSync(path, dueSeconds, dueSeconds);
      return file;
    } catch (error) {
      file.close();
      throw error;
    }
  }

  /** A busy machine can make a step take long there, too; a thread would make it longer. */
  get #isInMemory(): boolean {
    return this.#isMemory ??= isMemory(this.spool.path);
  }

  async #makeAtOnce(making: Making): Promise<void> {
    const startedAt = this.#disk.begin();
    this.#create(making);
    this.#announce(making);
    await this.#rename(making);
    this.#disk.ended(startedAt, MOST_TASK_MS);
  }

  /**
   * One of which no other with its key may wait. Its claim is the commit point: who finds that gives the
   * task its name (src/task/unique_claims.ts).
   *
   * @returns the task that stands for it, when it is not put
   */
  async makeUnique(
    making: Making,
    wish: UniqueWish,
    unique: UniqueTasks,
  ): Promise<TaskRef | null> {
    await this.#writeByThreads(making, async (file) => {
      this.#announce(making);
      await this.#commit(file, making.isAnnounced);
    });
    this.landing.begin(making.ref);
    const taken = await unique.take(wish, making.ref);
    if (taken.kind === "stands") return await unique.standing(taken.id);
    making.claim = taken.replaces ? "for another" : "new";
    await unique.complete(wish, making.ref);
    const target = await this.spool.directoryFor(making.ref);
    making.path = join(target, making.ref.name);
    await this.spool.sync(target);
    return null;
  }

  async makeInJournal(making: Making, journal: JournalIntake): Promise<void> {
    const { files } = this.spool;
    if (this.#disk.isBusy) {
      await this.#writeByThreads(making, () => Promise.resolve());
      await this.#name(making, (from, to) => files.rename(from, to));
    } else {
      const startedAt = this.#disk.begin();
      this.#create(making);
      this.landing.begin(making.ref);
      await this.#rename(making);
      this.#disk.ended(startedAt, MOST_TASK_MS);
    }
    await journal.accept(making, making.content === null ? "" : contentText(making.content));
  }

  #create({ path, packet, body, content, dueSeconds }: Making): void {
    let bytes = packet;
    if (body instanceof Uint8Array) {
      content?.update(body);
      bytes = new Uint8Array(packet.length + body.length);
      bytes.set(packet);
      bytes.set(body, packet.length);
    }
    this.spool.files.createSync(path, bytes, { mode: TASK_MODE, time: dueSeconds });
  }

  async #rename(making: Making): Promise<void> {
    const target = join(await this.spool.directoryFor(making.ref), making.ref.name);
    this.spool.files.renameSync(making.path, target);
    making.path = target;
  }

  #announce(making: Making): void {
    const { id, ref, content } = making;
    if (id === null || content === null) return;
    this.ids.announce(id, ref.name, contentText(content));
    making.isAnnounced = true;
  }

  async #write(file: OpenFile, { packet, body, content }: Making): Promise<void> {
    await writeAll(file, packet);
    let unsynced = 0;
    const add = async (bytes: Uint8Array) => {
      content?.update(bytes);
      await writeAll(file, bytes);
      unsynced += bytes.length;
      if (unsynced < SYNCED_BYTES || !this.spool.fsync) return;
      unsynced = 0;
      await synced(file);
    };
    if (body instanceof Uint8Array) await add(body);
    else if (body) { for await (const chunk of body) await add(chunk); }
  }

  /** The bytes of the task, its name in tmp when that says something, and its id, all on disk. */
  async #commit(file: OpenFile, isAnnounced: boolean): Promise<void> {
    if (!this.spool.fsync) return;
    const tmp = join(this.spool.path, TMP_DIR);
    const ends = await Promise.allSettled([
      synced(file),
      ...(isAnnounced ? [this.ids.commit(), this.spool.sync(tmp)] : []),
    ]);
    for (const end of ends) if (end.status === "rejected") throw end.reason;
  }
}

/** Half of a SHA-256: enough that nobody finds a second task for it, and short in memory. */
export function contentText(content: Hash): string {
  return content.digest("base64url").slice(0, 22);
}

/** Each waits in a thread, and other calls find none when many files are synced at the same time. */
async function synced(file: OpenFile): Promise<void> {
  const permit = await new Promise<Permit>((granted) => syncs.take(granted));
  try {
    await file.sync();
  } finally {
    permit[Symbol.dispose]();
  }
}

async function writeAll(file: OpenFile, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
}
