/** File systems in images, on loop devices: to be copied as a power cut would leave them. */

import { run } from "./mount.ts";
import { tempDir } from "./temp.ts";
import { until } from "./until.ts";

export interface FileSystem {
  readonly name: string;
  readonly sizeMiB: number;
  readonly maker: readonly string[];
  /** What the boot does before it is mounted; absent where mounting is enough. */
  readonly repair?: readonly string[];
  readonly mountOptions?: string;
}

export const EXT4_WITHOUT_JOURNAL: FileSystem = {
  name: "ext4 without a journal",
  sizeMiB: 64,
  maker: ["mkfs.ext4", "-q", "-O", "^has_journal"],
  repair: ["e2fsck", "-fy"],
};

export const FILE_SYSTEMS: readonly FileSystem[] = [
  {
    name: "ext4",
    sizeMiB: 64,
    maker: ["mkfs.ext4", "-q"],
    repair: ["e2fsck", "-fy"],
  },
  EXT4_WITHOUT_JOURNAL,
  // Two mounts of one xfs have the same uuid.
  { name: "xfs", sizeMiB: 320, maker: ["mkfs.xfs", "-q"], mountOptions: ",nouuid" },
];

export function hasMaker({ maker: [command = ""] }: FileSystem): boolean {
  try {
    return new Deno.Command(command, { args: ["-V"], stdout: "null", stderr: "null" }).outputSync()
      .success;
  } catch {
    return false;
  }
}

/** Mounts the file system of an image, made new or, of a copy, repaired first. */
export async function mountImage(
  image: string,
  { sizeMiB, maker, repair, mountOptions = "" }: FileSystem,
  state: "new" | "repaired" = "new",
) {
  if (state === "new") {
    run("truncate", "-s", `${sizeMiB}M`, image);
    run(maker[0] ?? "", ...maker.slice(1), image);
  } else if (repair) {
    // Its exit code says what it repaired.
    new Deno.Command(repair[0] ?? "", { args: [...repair.slice(1), image] }).outputSync();
  }
  const temp = await tempDir();
  const device = new TextDecoder().decode(
    new Deno.Command("losetup", { args: ["--find", "--show", image] }).outputSync().stdout,
  ).trim();
  const detach = () => run("losetup", "-d", device);
  try {
    run("mount", "-o", `rw${mountOptions}`, device, temp.path);
  } catch (error) {
    detach();
    throw error;
  }
  const statOf = () => Deno.readTextFileSync(`/sys/block/${device.slice(5)}/stat`).split(/\s+/);
  /** Writes and flushes that are done, and all that goes on. */
  const activity = () => {
    const fields = statOf().filter((field) => field !== "").map(Number);
    return { done: `${fields[4]} ${fields[15] ?? 0}`, underWay: fields[8] ?? 0 };
  };
  return {
    path: temp.path,
    device,
    /** Copies the image at a moment at which nothing is written to it. */
    async copyTo(copy: string): Promise<void> {
      await until(() => {
        const before = activity();
        if (before.underWay > 0) return false;
        run("cp", "--sparse=always", image, copy);
        const after = activity();
        return after.underWay === 0 && after.done === before.done;
      }, "the disk is never quiet");
    },
    async [Symbol.asyncDispose](): Promise<void> {
      run("umount", temp.path);
      detach();
      await temp[Symbol.asyncDispose]();
    },
  };
}

/** Whether this user can make and attach images; that mounting works is known otherwise. */
export function canUseLoops(): boolean {
  return hasMaker(EXT4_WITHOUT_JOURNAL) &&
    new Deno.Command("losetup", { args: ["--find"], stdout: "null", stderr: "null" }).outputSync()
      .success;
}
