/** Which file system a directory is on, and what it cannot promise about a power cut. */

import { statfsSync } from "node:fs";
import { quietly, textOf } from "./quietly.ts";
import { counted } from "./count_text.ts";

/** Null when nothing is known against it. */
export function weakness(device: string): string | null {
  const type = typeOf(device);
  switch (type) {
    case "tmpfs":
    case "ramfs":
      return `${type}, which is memory: no task survives a reboot`;
    case "ext4":
      return hasJournal(device) ? null : `ext4 without a journal: ${movedText(device)}`;
    case "ext2":
      return `ext2, which has no journal: ${movedText(device)}`;
    case "vfat":
    case "exfat":
    case "msdos":
      return `${type}, which has no journal: after a power cut tasks may be lost`;
    default:
      return null;
  }
}

/** Free bytes of a directory's file system; null where it does not say. */
export function freeBytes(dir: string): number | null {
  return quietly(() => {
    const { bavail, bsize } = statfsSync(dir);
    return bavail * bsize;
  }) ?? null;
}

/**
 * f_type of statfs(2), of file systems that only this kernel changes: ext2 to ext4, XFS, Btrfs, tmpfs,
 * overlayfs, F2FS, ZFS, ramfs, bcachefs, JFS.
 */
const LOCAL_TYPES: readonly number[] = [
  ...[0xef53, 0x58465342, 0x9123683e, 0x01021994, 0x794c7630, 0xf2f52010, 0x2fc12fc1],
  ...[0x858458f6, 0xca451a4e, 0x3153464a],
];

/** Whether inotify reports all that changes in a directory, as no other machine can change it. */
export function isLocal(dir: string): boolean {
  const type = quietly(() => statfsSync(dir).type);
  return type !== undefined && LOCAL_TYPES.includes(type >>> 0);
}

/** Of tmpfs and ramfs. */
const MEMORY_TYPES: readonly number[] = [0x01021994, 0x858458f6];

/** Whether what is written to a directory stays in memory, so that nothing there waits for a disk. */
export function isMemory(dir: string): boolean {
  const type = quietly(() => statfsSync(dir).type);
  return type !== undefined && MEMORY_TYPES.includes(type >>> 0);
}

/** What e2fsck does with files whose name it cannot find, and what it has done. */
function movedText(device: string): string {
  const text = "after a power cut e2fsck may move tasks to lost+found";
  const dir = `${mountOf(device)?.[4] ?? ""}/lost+found`;
  const count = quietly(() => countTasks(dir)) ?? 0;
  return count === 0 ? text : `${text}; ${dir} has ${counted(count, "possible task")}`;
}

const MOST_COUNTED = 100_000;
const MODIFIER_SPOOL = 17;
const HEADER_SIZE = 4;

/** Only root may ask. */
function countTasks(dir: string): number {
  let count = 0;
  const header = new Uint8Array(HEADER_SIZE);
  for (const { name, isFile } of Deno.readDirSync(dir)) {
    if (!isFile || count === MOST_COUNTED) continue;
    using file = Deno.openSync(`${dir}/${name}`);
    if (file.readSync(header) !== HEADER_SIZE || header[0] !== MODIFIER_SPOOL) continue;
    const varsSize = (header[1] ?? 0) + 256 * (header[2] ?? 0);
    if (file.statSync().size >= HEADER_SIZE + varsSize) count++;
  }
  return count;
}

/** As the kernel lists what is mounted; null when it does not. */
function typeOf(device: string): string | null {
  const fields = mountOf(device);
  return fields?.[fields.indexOf("-") + 1] ?? null;
}

/** ID, parent's ID, major:minor, root, mount point, options, …, -, type, source, options. */
function mountOf(device: string): string[] | null {
  const lines = (textOf("/proc/self/mountinfo") ?? "").split("\n");
  return lines.map((line) => line.split(" ")).find((fields) => fields[2] === device) ?? null;
}

/** True also where the kernel does not say. */
function hasJournal(device: string): boolean {
  const name = /^DEVNAME=(.+)$/m.exec(textOf(`/sys/dev/block/${device}/uevent`) ?? "")?.[1];
  return name === undefined || textOf(`/sys/fs/ext4/${name}/journal_task`)?.trim() !== "<none>";
}
