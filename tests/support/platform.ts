/** The machine's libc and locks, loaded once for all tests of a file and not by one of them. */

import { durableCalls } from "../../src/platform/durable_calls.ts";
import { socketCalls } from "../../src/platform/socket_calls.ts";
import { spawnCalls } from "../../src/platform/spawn_calls.ts";
import { list } from "../../src/platform/dirents.ts";
import { AT_FDCWD } from "../../src/platform/linux.ts";
import { openPlatform } from "../../src/spool/platform.ts";
import { assertEquals } from "./assert.ts";

export const platform = openPlatform();
// These are opened once and kept.
durableCalls();
socketCalls();
spawnCalls();

function libcOfTest() {
  if (platform.libc === null) throw new Error("this test needs libc");
  return platform.libc;
}

/** Like Deno.renameSync, for names of any bytes. */
export function renameBytes(from: string, to: string): void {
  assertEquals(libcOfTest().rename(AT_FDCWD, from, AT_FDCWD, to), 0);
}

/** Names of any bytes in a directory; none when it is not there. */
export function namesIn(dir: string): string[] {
  const libc = libcOfTest();
  const fd = libc.openDirectory(AT_FDCWD, dir);
  return fd < 0 ? [] : [...list(libc, fd)].flat().map(({ name }) => name);
}
