/**
 * Takes new tasks into a spool. The commit point is the rename out of tmp and, with fsync, the sync of
 * the directory behind it, or of the journal (journal_intake.ts): only then is a task accepted.
 */

import { createHash, type Hash } from "node:crypto";
import { join } from "@std/path";
import type { SpoolLimits } from "./limits.ts";
import type { Random } from "../platform/clock.ts";
import { reasonOf } from "../platform/reason.ts";
import { encodePacket, MODIFIER_SPOOL } from "../wire/packet.ts";
import { RefusalError } from "../wire/refusal.ts";
import type { AcceptedIds, SentId } from "./accepted_ids.ts";
import { keyOf } from "./accepted_lines.ts";
import type { BusyDisk } from "./busy_disk.ts";
import type { SpoolDirectory } from "./directory.ts";
import { SpoolGoneError } from "./presence.ts";
import type { JournalIntake } from "./journal_intake.ts";
import type { Landing } from "./landing.ts";
import { taskName, type TaskRef, TMP_DIR } from "./layout.ts";
import { checkFreeBytes, fullOf } from "./room.ts";
import type { TaskCount } from "./task_count.ts";
import { contentText, type Making, TaskMaker } from "./task_maker.ts";
import type { UniqueTasks } from "./unique_tasks.ts";
import { uniqueName } from "../task/unique.ts";
import type { NewTask } from "../task/new_task.ts";

/** Asked for once: it is a part of every task's name. */
const HOST = Deno.hostname();
const NO_LIMITS: SpoolLimits = { maxFiles: null, minFreeBytes: null };

/** Between two tries to go on after the directory is gone. */
const PREPARE_MS = 1000;

/** Called when a task is accepted, before anybody starts it. */
export type OnAccepted = (ref: TaskRef) => void;

export class Intake {
  #limits: SpoolLimits;
  #counter = 0;
  readonly #maker: TaskMaker;
  /** On the monotonic clock. */
  #nextPrepareAt = -Infinity;
  /** Puts that go on now: their files are not all there to be counted. */
  #putting = 0;
  /** Of their bodies: some of it is not on disk yet. */
  #bytesUnderWay = 0;
  /** Of the puts that go on now, by the id of their task, the last: with what it will fail with. */
  readonly #underWay = new Map<string, Promise<Error | null>>();

  constructor(
    private readonly spool: SpoolDirectory,
    private readonly count: TaskCount,
    private readonly ids: AcceptedIds,
    private readonly landing: Landing,
    private readonly journal: () => JournalIntake | null,
    private readonly random: Random,
    private readonly unique: UniqueTasks,
    limits: SpoolLimits = NO_LIMITS,
  ) {
    this.#maker = new TaskMaker(spool, ids, landing);
    this.#limits = limits;
  }

  /** From now on other limits hold. */
  use(limits: SpoolLimits = NO_LIMITS): void {
    this.#limits = limits;
  }

  /**
   * Goes on in a directory that was made anew, also where nobody watches the spool.
   *
   * @throws {SpoolGoneError}
   */
  checkPresence(): void {
    const absence = this.spool.absence();
    if (absence === null) return;
    const now = this.spool.clock.monotonic();
    if (now < this.#nextPrepareAt) throw new SpoolGoneError(absence);
    this.#nextPrepareAt = now + PREPARE_MS;
    try {
      this.spool.prepare();
      this.ids.renew();
    } catch (error) {
      throw new SpoolGoneError(`${absence}: ${reasonOf(error)}`);
    }
  }

  /** Whether a task of this id is being put. */
  isUnderWay(id: SentId): boolean {
    return this.#underWay.has(keyOf(id));
  }

  /** As tasks find it. */
  get disk(): BusyDisk {
    return this.#maker.disk;
  }

  /** Tasks that are being put. */
  get underWay(): number {
    return this.#putting;
  }

  /** See {@link Store.put}. */
  async put(task: NewTask, accepted: OnAccepted): Promise<TaskRef> {
    return await this.#put(task, null, accepted);
  }

  /** See {@link Store.putOnce}. */
  async putOnce(task: NewTask, id: SentId, accepted: OnAccepted): Promise<TaskRef | null> {
    const key = keyOf(id);
    const before = this.#underWay.get(key);
    const mine = Promise.withResolvers<Error | null>();
    this.#underWay.set(key, mine.promise);
    try {
      const failure = before === undefined ? null : await before;
      // What failed by no fault of that delivery fails for all that waited: one after the other, they
      // would only find out the same.
      if (failure !== null && !(failure instanceof RefusalError)) throw failure;
      if (this.ids.has(id)) {
        mine.resolve(null);
        await this.#checkRepetition(task, id);
        return null;
      }
      const ref = await this.#put(task, id, accepted);
      this.ids.confirm(id);
      return ref;
    } catch (error) {
      mine.resolve(asError(error));
      throw error;
    } finally {
      mine.resolve(null);
      if (this.#underWay.get(key) === mine.promise) this.#underWay.delete(key);
    }
  }

  /** @throws {RefusalError} when the id was that of another task */
  async #checkRepetition({ vars, body }: NewTask, id: SentId): Promise<void> {
    const content = createHash("sha256").update(encodePacket(vars, MODIFIER_SPOOL));
    await addBody(content, body);
    this.ids.repeats(id, contentText(content));
  }

  async #put(task: NewTask, id: SentId | null, accepted: OnAccepted): Promise<TaskRef> {
    this.checkPresence();
    const bodySize = bodySizeOf(task);
    const { maxFiles, minFreeBytes } = this.#limits;
    if (maxFiles !== null) await this.count.refresh(maxFiles, this.#putting);
    // No wait between the check and the count: many ask at the same time, and room may be for one.
    const { path } = this.spool;
    checkFreeBytes(path, minFreeBytes, this.#bytesUnderWay + bodySize);
    if (maxFiles !== null && this.count.isFull(maxFiles, this.#putting)) {
      throw fullOf(maxFiles);
    }
    this.#putting++;
    this.#bytesUnderWay += bodySize;
    try {
      return await this.#make(task, id, accepted);
    } finally {
      this.#putting--;
      this.#bytesUnderWay -= bodySize;
    }
  }

  async #make(task: NewTask, id: SentId | null, accepted: OnAccepted): Promise<TaskRef> {
    const { path, files } = this.spool;
    const ref: TaskRef = {
      name: this.#newName(task),
      priority: task.priority === undefined ? null : String(task.priority),
    };
    const packet = encodePacket(task.vars, MODIFIER_SPOOL);
    const making: Making = {
      ref,
      packet,
      content: id === null ? null : createHash("sha256").update(packet),
      body: task.body,
      id,
      dueSeconds: (task.at ?? this.spool.clock.now()) / 1000,
      path: join(path, TMP_DIR, ref.name),
      isAnnounced: false,
      claim: null,
    };
    const wish = task.unique;
    try {
      if (wish !== undefined) {
        const first = await this.unique.standIn(wish);
        if (first !== null) return await this.#giveWay(making, first);
        const standIn = await this.#maker.makeUnique(making, wish, this.unique);
        if (standIn !== null) {
          await files.remove(making.path);
          return standIn;
        }
      } else await this.#write(making);
      accepted(ref);
    } catch (error) {
      // Not durable is not accepted: the peer will send it again. While its id is announced its file
      // must stay: without it, it would count as accepted after a crash.
      if (making.isAnnounced && id !== null) await this.ids.withdraw(id);
      await this.#takeBack(making);
      throw error;
    } finally {
      this.landing.end(ref);
    }
    this.count.added();
    return ref;
  }

  async #takeBack({ ref, path, claim }: Making): Promise<void> {
    // The other may be gone already: who comes next gives this one its name.
    if (claim === "for another") return;
    const { files } = this.spool;
    await files.remove(path).catch(() => {});
    if (claim === null) return;
    // It may have its name already.
    await files.remove(this.spool.pathOf(ref)).catch(() => {});
    this.unique.release(ref);
  }

  async #write(making: Making): Promise<void> {
    const journal = this.spool.fsync ? this.journal() : null;
    if (journal?.mayTake(making)) await this.#maker.makeInJournal(making, journal);
    else await this.#maker.make(making);
  }

  /** Another task stands for it before it is written: that one has its id, too. */
  async #giveWay(making: Making, standIn: TaskRef): Promise<TaskRef> {
    const { id, content, body } = making;
    // A peer gets its answer behind all of its body.
    await addBody(content, body);
    if (id === null || content === null) return standIn;
    this.ids.announce(id, standIn.name, contentText(content));
    making.isAnnounced = true;
    await this.ids.commit();
    return standIn;
  }

  #newName({ unique }: NewTask): string {
    const name = taskName({
      host: HOST,
      pid: Deno.pid,
      counter: ++this.#counter,
      random: Math.floor(this.random() * 2 ** 31),
      now: this.spool.clock.now(),
    });
    return unique === undefined ? name : uniqueName(name, unique.hash);
  }
}

async function addBody(content: Hash | null, body: NewTask["body"]): Promise<void> {
  if (body instanceof Uint8Array) content?.update(body);
  else if (body) { for await (const chunk of body) content?.update(chunk); }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

function bodySizeOf({ body, bodySize }: NewTask): number {
  return bodySize ?? (body instanceof Uint8Array ? body.length : 0);
}
