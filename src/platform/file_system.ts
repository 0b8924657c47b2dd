/** Which file system a directory is on, and what it cannot promise about a power cut. */

import { textOf } from "./quietly.ts";

/** Null when nothing is known against it. */
export function weakness(device: string): string | null {
  const type = typeOf(device);
  switch (type) {
    case "tmpfs":
    case "ramfs":
      return `${type} is memory: no task survives a reboot`;
    case "ext4":
      return hasJournal(device)
        ? null
        : "ext4 without a journal: after a power cut e2fsck may move tasks to lost+found";
    case "ext2":
      return "ext2 has no journal: after a power cut e2fsck may move tasks to lost+found";
    case "vfat":
    case "exfat":
    case "msdos":
      return `${type} has no journal: after a power cut tasks may be lost`;
    default:
      return null;
  }
}

/** As the kernel lists what is mounted; null when it does not. */
function typeOf(device: string): string | null {
  for (const line of (textOf("/proc/self/mountinfo") ?? "").split("\n")) {
    // ID, parent's ID, major:minor, root, mount point, options, …, -, type, source, options.
    const fields = line.split(" ");
    if (fields[2] === device) return fields[fields.indexOf("-") + 1] ?? null;
  }
  return null;
}

/** True also where the kernel does not say. */
function hasJournal(device: string): boolean {
  const name = /^DEVNAME=(.+)$/m.exec(textOf(`/sys/dev/block/${device}/uevent`) ?? "")?.[1];
  return name === undefined || textOf(`/sys/fs/ext4/${name}/journal_task`)?.trim() !== "<none>";
}
