/**
 * Names the memory that holds what was written to a file system and may not be on its disk. While it is
 * the same, files are as they were left, whoever died; when it is another one, only what was synced is
 * certain.
 */

import type { DurableCalls } from "./durable_calls.ts";
import { quietly, textOf } from "./quietly.ts";

/** The boot, the device, the mount namespace, and the mount; `-` for what is not known. */
export function pageCacheOf(
  calls: DurableCalls,
  fd: number,
  device: string,
  boot: string = bootId(),
): string {
  const namespace = quietly(() => Deno.readLinkSync("/proc/self/ns/mnt"));
  return [boot, device, namespace ?? "-", calls.mountOf(fd) ?? "-"].join(" ");
}

/** SPOOLER_BOOT_ID stands in for it, so that a test can have another boot. */
function bootId(): string {
  const given = quietly(() => Deno.env.get("SPOOLER_BOOT_ID"));
  return given ?? textOf("/proc/sys/kernel/random/boot_id")?.trim() ?? "-";
}

/**
 * Whether two names are certainly of the same memory. A file system that was unmounted, and mounted
 * again, has another mount; but so has each mount namespace, such as that of a container that was started
 * again: there the boot and the device have to do.
 */
export function isSamePageCache(one: string, other: string): boolean {
  const [bootA, deviceA, namespaceA, mountA] = one.split(" ");
  const [bootB, deviceB, namespaceB, mountB] = other.split(" ");
  return bootA !== "-" && bootA === bootB && deviceA === deviceB &&
    (namespaceA !== namespaceB || mountA === mountB);
}
