/** Where a task is, by its file: it is read by its name only, and never opened. */

import { readdir, readFile, stat } from "node:fs/promises";
import { isLocked } from "./unique_disk.ts";

/** As `spooler list` has it; `gone` is done, or removed, or never was. */
export type TaskStatus =
  | { readonly state: "ready" | "running" | "gone" }
  | {
    readonly state: "deferred";
    readonly dueAt: Date;
    readonly failures: number;
    readonly reason: string | null;
  }
  | { readonly state: "failed"; readonly failedAt: Date | null; readonly reason: string };

/** A task's file, and its path in the spool. */
interface TaskFileSeen {
  readonly path: string;
  readonly id: string;
  readonly mtimeMs: number;
  readonly inode: number;
  readonly isFailed: boolean;
}

/** @param name as a put returned it, or with its priority and a slash before it */
export async function statusOf(dir: string, name: string): Promise<TaskStatus> {
  // One that moves from the queue to failed/, or back, while it is searched for is found the second time.
  const found = await find(dir, name) ?? await find(dir, name);
  if (found === null) return { state: "gone" };
  if (found.isFailed) return await failedStatus(found);
  if (await isLocked(found.inode)) return { state: "running" };
  if (found.mtimeMs <= Date.now()) return { state: "ready" };
  const record = await jsonIn(`${dir}/.spooler/attempts/${found.id}.json`);
  const { failures, reason } = record;
  return {
    state: "deferred",
    dueAt: new Date(found.mtimeMs),
    failures: typeof failures === "number" ? failures : 0,
    reason: typeof reason === "string" ? reason : null,
  };
}

/** The path of a task that waits or runs; null when it does neither. */
export async function pathOf(dir: string, name: string): Promise<string | null> {
  const found = await find(dir, name);
  return found === null || found.isFailed ? null : found.path;
}

async function find(dir: string, name: string): Promise<TaskFileSeen | null> {
  if (/(^|\/)\.\.?(\/|$)/.test(name) || name === "") {
    throw new TypeError(`no name of a task: ${name}`);
  }
  for (const [base, isFailed] of [[dir, false], [`${dir}/failed`, true]] as const) {
    for (const id of await idsIn(base, name)) {
      const path = `${base}/${id}`;
      const info = await stat(path).catch(() => null);
      if (!info?.isFile()) continue;
      return { path, id, mtimeMs: info.mtimeMs, inode: info.ino, isFailed };
    }
  }
  return null;
}

/** Where a task of this name may lie. */
async function idsIn(base: string, name: string): Promise<string[]> {
  if (name.includes("/")) return [name];
  const names = await readdir(base).catch((): string[] => []);
  // A huge directory has one entry of that name, and few that are priorities.
  return [name, ...names.filter((each) => /^\d+$/.test(each)).map((each) => `${each}/${name}`)];
}

async function failedStatus({ path }: TaskFileSeen): Promise<TaskStatus> {
  const { reason, failedAt } = await jsonIn(`${path}.json`);
  return {
    state: "failed",
    failedAt: typeof failedAt === "number" ? new Date(failedAt) : null,
    reason: typeof reason === "string" ? reason : "without a record of why",
  };
}

async function jsonIn(path: string): Promise<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(await readFile(path, "utf8"));
    return typeof value === "object" && value !== null ? value as Record<string, unknown> : {};
  } catch {
    return {};
  }
}
