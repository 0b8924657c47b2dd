/**
 * Which process listens on an address, as far as /proc says (proc(5)): for messages about addresses
 * that are in use. Other users' processes can be seen by root only.
 */

import { quietly, textOf } from "./quietly.ts";

export interface LockHolder {
  readonly pid: number;
  /** The name of its program. */
  readonly name: string;
  /** It runs this very executable, or this source by the same Deno. */
  readonly isOurs: boolean;
}

/** @returns null when no process listens there, or /proc does not say which */
export function tcpHolder(port: number): LockHolder | null {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const inodes = ["tcp", "tcp6"].flatMap((table) =>
    rowsOf(table).filter(([, local = "", , state]) => local.endsWith(suffix) && state === "0A")
      .map((row) => row[9] ?? "")
  );
  return holderOf(inodes);
}

/** @param path of a socket file; `@name` for an abstract socket */
export function unixHolder(path: string): LockHolder | null {
  // The path is the last column; a socket that accepts has the flag __SO_ACCEPTCON.
  const rows = rowsOf("unix").filter((row) =>
    row.slice(7).join(" ") === path && row[3] === "00010000"
  );
  return holderOf(rows.map((row) => row[6] ?? ""));
}

function rowsOf(table: string): string[][] {
  const text = textOf(`/proc/net/${table}`) ?? "";
  return text.split("\n").slice(1).map((line) => line.trim().split(/\s+/));
}

function holderOf(inodes: readonly string[]): LockHolder | null {
  const wanted = new Set(
    inodes.filter((inode) => inode !== "0").map((inode) => `socket:[${inode}]`),
  );
  if (wanted.size === 0) return null;
  for (const { name: pid } of quietly(() => [...Deno.readDirSync("/proc")]) ?? []) {
    if (!/^\d+$/.test(pid)) continue;
    const files = quietly(() => [...Deno.readDirSync(`/proc/${pid}/fd`)]) ?? [];
    const holds = files.some(({ name }) =>
      wanted.has(quietly(() => Deno.readLinkSync(`/proc/${pid}/fd/${name}`)) ?? "")
    );
    if (holds) return aboutProcess(Number(pid));
  }
  return null;
}

/** Null when it does not run. */
export function processAt(pid: number): LockHolder | null {
  return textOf(`/proc/${pid}/stat`) === undefined ? null : aboutProcess(pid);
}

function aboutProcess(pid: number): LockHolder {
  const name = textOf(`/proc/${pid}/comm`)?.trim() ?? "a process";
  const exe = quietly(() => Deno.readLinkSync(`/proc/${pid}/exe`));
  const args = textOf(`/proc/${pid}/cmdline`) ?? "";
  const isSource = args.split("\0").some((arg) => arg.endsWith("main.ts"));
  const isOurs = exe === Deno.execPath() && (Deno.build.standalone || isSource);
  return { pid, name, isOurs };
}
