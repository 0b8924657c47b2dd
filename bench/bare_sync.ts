/** The most that a disk allows to one client: its rate of fdatasync, of a file that has all its blocks. */

import { join } from "@std/path";
import { durableCalls } from "../src/platform/durable_calls.ts";
import { loadLibc } from "../src/platform/libc.ts";
import { AT_FDCWD, O_CREAT, O_RDWR } from "../src/platform/linux.ts";

const FILE_BYTES = 16 * 1024 * 1024;
const SECTOR = 512;

/** Times a second that something is done. */
export function rateOf(seconds: number, act: () => void): number {
  const startedAt = performance.now();
  let times = 0;
  while (performance.now() - startedAt < seconds * 1000) {
    act();
    times++;
  }
  return times / (performance.now() - startedAt) * 1000;
}

/** Of a file in a directory, where libc can be called. */
export function bareSyncRate(dir: string, seconds: number): number {
  const calls = durableCalls();
  const libc = loadLibc();
  if (calls === null || "unavailable" in libc) throw new Error("this needs libc");
  const path = join(dir, "bare");
  const fd = libc.open(AT_FDCWD, path, O_RDWR | O_CREAT, 0o600);
  calls.allocate(fd, FILE_BYTES);
  calls.write(fd, new Uint8Array(FILE_BYTES), 0);
  calls.sync(fd);
  const sector = new Uint8Array(SECTOR).fill(7);
  let at = 0;
  const rate = rateOf(seconds, () => {
    calls.write(fd, sector, at);
    calls.sync(fd);
    at = (at + SECTOR) % FILE_BYTES;
  });
  libc.close(fd);
  Deno.removeSync(path);
  return rate;
}
