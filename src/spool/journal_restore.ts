/**
 * What a start does with the tasks of a journal after a power cut: one that has neither its file nor a
 * mark that it is done is put back; a file that the cut left empty, short or with other bytes is made
 * whole. Where the file is says the task's state, as always: it counts wherever it has its name, in the
 * spool, in any priority, or in failed/.
 */

import { basename, dirname, join } from "@std/path";
import { quietly } from "../platform/quietly.ts";
import { reasonOf } from "../platform/reason.ts";
import { type SpoolDirectory, TASK_MODE } from "./directory.ts";
import type { FoundJournal } from "./journal_file.ts";
import type { JournalId } from "./journal_format.ts";
import { isDone } from "./journal_marks.ts";
import type { JournalRecord } from "./journal_record.ts";
import {
  FAILED_DIR,
  isPriorityName,
  isRecordName,
  isTaskId,
  isTaskName,
  refOf,
  TMP_DIR,
} from "./layout.ts";
import { counted } from "../platform/count_text.ts";

/** What a start found in the journals of programs that have ended. */
export interface Restored {
  /** Tasks that were put back. */
  readonly back: number;
  /** Tasks whose files were there, and damaged. */
  readonly whole: number;
  /** Files of tasks that were done, and of which the cut had left a damaged rest. */
  readonly removed: number;
  /** Tasks that could not be put back. */
  readonly failed: readonly JournalRecord[];
  /** What was in the way of the first of them. */
  readonly reason: string;
}

/** In the words of the log; empty when nothing was done. */
export function restoredTexts({ back, whole, removed, failed, reason }: Restored): string[] {
  return [
    ...(back > 0 ? [`put ${counted(back, "task")} back that a power cut had taken`] : []),
    ...(whole > 0
      ? [`made the files of ${counted(whole, "task")} whole that a power cut had damaged`]
      : []),
    ...(removed > 0
      ? [`removed what a power cut had left of ${counted(removed, "task")} already done`]
      : []),
    ...(failed.length > 0
      ? [`cannot put ${counted(failed.length, "task")} back that a power cut has taken: ${reason}`]
      : []),
  ];
}

/** How finely the file systems that are used keep an mtime. */
const TIME_SLACK_MS = 1;

export class JournalRestore {
  /** Paths by name of everything that has a task's name; made when the first is looked for. */
  #index: Map<string, string> | null = null;

  /** Names in tmp: of tasks that had not got theirs, or whose rename the cut has taken. */
  readonly #unnamed = new Set<string>();
  readonly #marks: readonly { readonly id: JournalId; readonly marks: ReadonlySet<bigint> }[];

  /** @param all whose marks count: a task that one program has taken another may have done */
  constructor(private readonly spool: SpoolDirectory, all: readonly FoundJournal[]) {
    this.#marks = all.map(({ header: { id }, marks }) => ({ id, marks: marks() }));
    for (const entries of spool.entries.list(join(spool.path, TMP_DIR))) {
      for (const { name } of entries) this.#unnamed.add(name);
    }
  }

  /**
   * Gives tasks their names that a program had in its journal, on disk, when it died before it could: they
   * may have been accepted, for all that their ids say. For a directory that lacks nothing else, whose
   * files are whole, so that no room is needed for them.
   *
   * @returns those that have not got their names
   */
  complete(records: readonly JournalRecord[]): readonly JournalRecord[] {
    return records.filter((record) => !quietly(() => this.#complete(record)));
  }

  #complete(record: JournalRecord): true {
    const name = basename(record.id);
    if (!isTaskId(record.id) || !this.#unnamed.has(name)) return true;
    const place = this.#placeOf(record);
    if (!this.#isDone(record) && !this.spool.exists(place)) {
      this.spool.files.renameToNewSync(join(this.spool.path, TMP_DIR, name), place);
    }
    this.#removeUnnamed(name);
    return true;
  }

  #removeUnnamed(name: string): void {
    if (this.#unnamed.delete(name)) this.spool.removeIfThere(join(this.spool.path, TMP_DIR, name));
  }

  /** Its path; the directory of its priority is made. */
  #placeOf({ id }: JournalRecord): string {
    const place = this.spool.pathOf(refOf(id));
    if (dirname(place) !== this.spool.path) this.spool.makeDirectory(dirname(place));
    return place;
  }

  #isDone(record: JournalRecord): boolean {
    return this.#marks.some(({ id, marks }) => isDone(marks, id, record.id));
  }

  /** Much may have changed since: names are listed anew. */
  forget(): void {
    this.#index = null;
  }

  /** Puts tasks back. Nothing of it is synced. */
  restore(records: readonly JournalRecord[]): Restored {
    let [back, whole, removed, reason] = [0, 0, 0, ""];
    const failed: JournalRecord[] = [];
    for (const record of records) {
      if (!isTaskId(record.id)) continue;
      try {
        const what = this.#restoreOne(record);
        this.#removeUnnamed(basename(record.id));
        if (what === "back") back++;
        else if (what === "whole") whole++;
        else if (what === "removed") removed++;
      } catch (error) {
        failed.push(record);
        reason ||= reasonOf(error);
      }
    }
    return { back, whole, removed, failed, reason };
  }

  #restoreOne(record: JournalRecord): "back" | "whole" | "removed" | null {
    const { spool } = this;
    const done = this.#isDone(record);
    const place = spool.pathOf(refOf(record.id));
    const path = spool.exists(place) ? place : this.#elsewhere(basename(place));
    if (path === null) {
      if (done) return null;
      this.#write(record, this.#placeOf(record), record.dueAt, false);
      return "back";
    }
    const state = this.#stateOf(path, record);
    if (state === "busy") return null;
    if (state === "damaged" && done) {
      spool.files.removeSync(path);
      return "removed";
    }
    const mtimeMs = spool.claims.lstat(path)?.mtimeMs ?? 0;
    // A time that was set later counts; that of its making, when the cut has taken the one it was given, not.
    const dueAt = Math.max(mtimeMs, record.dueAt);
    if (state === "damaged") {
      this.#write(record, path, dueAt, true);
      return "whole";
    }
    if (path === place && mtimeMs < record.dueAt - TIME_SLACK_MS) {
      spool.files.utimeSync(path, dueAt / 1000, dueAt / 1000);
    }
    return null;
  }

  #stateOf(path: string, { content }: JournalRecord): "fine" | "damaged" | "busy" {
    const file = this.spool.claims.peek(path);
    // What is no file, or gone by now, is not for us to change.
    if (file.kind !== "open") return "busy";
    try {
      if (file.locked) return "busy";
      if (file.stat.size !== content.length) return "damaged";
      const bytes = new Uint8Array(content.length);
      file.read(bytes, 0);
      return bytes.every((byte, i) => byte === content[i]) ? "fine" : "damaged";
    } finally {
      file.close();
    }
  }

  #write({ content }: JournalRecord, path: string, dueAt: number, replaces: boolean): void {
    const { files } = this.spool;
    const tmp = join(this.spool.path, TMP_DIR, `restored_${basename(path).slice(-200)}`);
    this.spool.removeIfThere(tmp);
    try {
      files.createSync(tmp, content, { mode: TASK_MODE, time: dueAt / 1000 });
      if (replaces) files.renameSync(tmp, path);
      else files.renameToNewSync(tmp, path);
    } catch (error) {
      // A full disk is no fuller for it.
      this.spool.removeIfThere(tmp);
      throw error;
    }
  }

  /** Where else a task of that name is: of another priority, or given up, or retried under a new name. */
  #elsewhere(name: string): string | null {
    this.#index ??= this.#makeIndex();
    return this.#index.get(name) ?? null;
  }

  #makeIndex(): Map<string, string> {
    const index = new Map<string, string>();
    const addAll = (dir: string) => {
      const below: string[] = [];
      for (const entries of this.spool.entries.list(dir)) {
        for (const { name, kind } of entries) {
          if (isTaskName(name)) {
            if (isRecordName(name)) continue;
            index.set(name, join(dir, name));
            // In failed/ the second of a name has a number behind it, and keeps it when it is retried.
            const stem = name.replace(/\.\d+$/, "");
            if (!index.has(stem)) index.set(stem, join(dir, name));
          } else if (kind !== "file" && isPriorityName(name)) below.push(name);
        }
      }
      for (const name of below) addAll(join(dir, name));
    };
    addAll(this.spool.path);
    addAll(join(this.spool.path, FAILED_DIR));
    return index;
  }
}
