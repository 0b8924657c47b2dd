/** A spool directory of this machine, for a program that puts tasks into it. */

import { watch } from "node:fs";
import { stat } from "node:fs/promises";
import { cwd } from "node:process";
import { putChain } from "./chain.ts";
import {
  type EncodedTask,
  encodeTask,
  type NamedTask,
  type PutOptions,
  type TaskToPut,
} from "./new_task.ts";
import { TaskFiles } from "./task_file.ts";
import { pathOf, statusOf, type TaskStatus } from "./task_status.ts";
import type { TaskType } from "./task_type.ts";

export interface SpoolClientOptions {
  /** Whether a task is on disk when it counts as put; true by default. */
  readonly sync?: boolean;
}

/** How a wait has ended. */
export type TaskEnd =
  | { readonly state: "done" }
  | { readonly state: "failed"; readonly reason: string; readonly failedAt: Date | null };

/** Tasks that are written and synced together. */
const BATCH = 256;
/** For file systems that report nothing of what others do. */
const CHECK_MS = 1000;

export class SpoolClient {
  readonly dir: string;
  readonly #files: TaskFiles;

  /** @param dir of the spool; it has to be there */
  constructor(dir: string, { sync = true }: SpoolClientOptions = {}) {
    this.dir = dir.startsWith("/") ? dir : `${cwd()}/${dir}`;
    this.#files = new TaskFiles({ dir: this.dir, sync });
  }

  /**
   * Puts a task: when this resolves it has its name, and is on disk.
   *
   * @returns its name, or that of the task that has its `unique` key
   * @throws {TypeError} when a value cannot be part of a task
   * @throws {Error} when the directory is not there, the disk is full, …
   */
  put<Keys extends object>(task: TaskType<Keys>, keys: Keys, options?: PutOptions): Promise<string>;
  put(task: string, keys?: object, options?: PutOptions): Promise<string>;
  async put(task: NamedTask, keys = {}, options: PutOptions = {}): Promise<string> {
    return await this.#put({ ...options, task, keys });
  }

  async #put(task: TaskToPut): Promise<string> {
    task.signal?.throwIfAborted();
    const [name] = await this.#files.put([encodeTask(task)]);
    return name as string;
  }

  /**
   * Puts many tasks, some hundred at a time: these are synced together. They are asked for as they are
   * written, so that an endless source needs no memory.
   *
   * @returns their names, in their order
   * @throws {Error} what {@link put} throws; the tasks of earlier batches are put
   */
  async putMany(
    tasks: Iterable<TaskToPut> | AsyncIterable<TaskToPut>,
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<string[]> {
    const names: string[] = [];
    let batch: EncodedTask[] = [];
    const put = async () => {
      signal?.throwIfAborted();
      for (const name of await this.#files.put(batch)) names.push(name);
      batch = [];
    };
    for await (const task of tasks) {
      batch.push(encodeTask(task));
      if (batch.length === BATCH) await put();
    }
    if (batch.length > 0) await put();
    return names;
  }

  /**
   * Puts tasks that run one after the other: each starts when the one before it is done, and is given up
   * when that is.
   *
   * @returns their names, in their order
   * @throws {Error} what {@link put} throws; the tasks before it are put, and run
   */
  async chain(...tasks: readonly TaskToPut[]): Promise<string[]> {
    return await putChain(tasks, (task) => this.#put(task));
  }

  /** @param name as a put returned it */
  async status(name: string): Promise<TaskStatus> {
    await stat(this.dir);
    return await statusOf(this.dir, name);
  }

  /**
   * Waits until a task is done or given up. One that is not there counts as done.
   *
   * @throws {unknown} the reason of the signal, as of `AbortSignal.timeout(5000)`
   */
  async wait(name: string, { signal }: { readonly signal?: AbortSignal } = {}): Promise<TaskEnd> {
    while (true) {
      signal?.throwIfAborted();
      const change = await this.#change(name, signal);
      try {
        const status = await this.status(name);
        if (status.state === "gone") return { state: "done" };
        if (status.state === "failed") return status;
        await change.happened;
      } finally {
        change.ignore();
      }
    }
  }

  /** Watched before the task is checked, so that nothing in between is missed. */
  async #change(name: string, signal: AbortSignal | undefined) {
    const path = await pathOf(this.dir, name);
    let ignore = () => {};
    const happened = new Promise<void>((happen) => {
      const timer = setTimeout(happen, CHECK_MS);
      const watcher = path === null ? null : watchFile(path, happen);
      const aborted = () => happen();
      signal?.addEventListener("abort", aborted);
      ignore = () => {
        clearTimeout(timer);
        watcher?.close();
        signal?.removeEventListener("abort", aborted);
      };
    });
    return { happened, ignore };
  }
}

/** Null when it is gone, or cannot be watched: then the check comes by time. */
function watchFile(path: string, changed: () => void) {
  try {
    const watcher = watch(path, { persistent: true }, changed);
    watcher.on("error", changed);
    return watcher;
  } catch {
    return null;
  }
}
