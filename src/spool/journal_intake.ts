/**
 * Takes new tasks by the journal: the commit point is the journal's sync. The file has its name before,
 * and its id is written down behind it. See journal.ts.
 */

import type { AcceptedIds } from "./accepted_ids.ts";
import type { JournalGroup } from "./journal_group.ts";
import { taskId } from "./layout.ts";
import type { Making } from "./task_maker.ts";

/** What else of a spool's journals is needed here. */
interface JournalSides {
  /** Puts everything on disk, or throws. */
  syncFileSystem(): Promise<void>;
  /** A task of the journal is gone for good. */
  done(id: string): void;
}

export class JournalIntake {
  #underWay = 0;
  #whenIdle = () => {};

  constructor(
    private readonly ids: AcceptedIds,
    private readonly group: JournalGroup,
    private readonly sides: JournalSides,
  ) {}

  mayTake({ packet, body }: Pick<Making, "packet" | "body">): boolean {
    const isKnown = body === undefined || body instanceof Uint8Array;
    return isKnown && this.group.mayTake(packet.length + (body?.length ?? 0));
  }

  /** Does something, once, when no task is on its way any more: then nothing syncs the journal. */
  afterLast(act: () => void): void {
    if (this.#underWay === 0) act();
    else this.#whenIdle = act;
  }

  /**
   * Accepts a task whose file has its name.
   *
   * @param content the hash of its bytes, when it has an id
   */
  async accept(making: Making, content: string): Promise<void> {
    this.#underWay++;
    try {
      await this.#accept(making, content);
    } finally {
      if (--this.#underWay === 0) {
        const act = this.#whenIdle;
        this.#whenIdle = () => {};
        act();
      }
    }
  }

  async #accept(making: Making, content: string): Promise<void> {
    const { ids, sides } = this;
    const { ref, packet, body, id, dueSeconds } = making;
    const added = await this.group.add({
      id: taskId(ref),
      dueAt: dueSeconds * 1000,
      parts: body instanceof Uint8Array ? [packet, body] : [packet],
      acceptedLine: id === null ? null : ids.lineFor(id, ref.name, content),
    });
    if (added === null) await sides.syncFileSystem();
    try {
      if (id !== null) {
        ids.announce(id, ref.name, content);
        making.isAnnounced = true;
        if (added === null) await ids.commit();
      }
    } catch (error) {
      // It is refused, and must not come back.
      sides.done(taskId(ref));
      throw error;
    } finally {
      added?.settle();
    }
  }
}
