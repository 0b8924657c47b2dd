/** A wall clock for one program, which a test can set: Debian's libfaketime. */

import { join } from "@std/path";

/** Null when it is not installed. */
export function faketimeLibrary(): string | null {
  if (Deno.build.os !== "linux") return null;
  try {
    for (const { name } of Deno.readDirSync("/usr/lib")) {
      const path = `/usr/lib/${name}/faketime/libfaketime.so.1`;
      if (Deno.statSync(`/usr/lib/${name}`).isDirectory && isThere(path)) return path;
    }
  } catch {
    // There is no such directory.
  }
  return null;
}

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

export class FakeWallClock {
  readonly #file: string;
  /** For the environment of the program. */
  readonly env: Record<string, string>;

  /** @param offset from the machine's clock, as `+1d` */
  constructor(dir: string, offset: string) {
    this.#file = join(dir, "wall-clock");
    this.set(offset);
    this.env = {
      LD_PRELOAD: faketimeLibrary() ?? "",
      FAKETIME_TIMESTAMP_FILE: this.#file,
      FAKETIME_NO_CACHE: "1",
      // What has passed is what has passed, and files have the times that they have.
      DONT_FAKE_MONOTONIC: "1",
      NO_FAKE_STAT: "1",
    };
  }

  set(offset: string): void {
    const next = `${this.#file}.next`;
    Deno.writeTextFileSync(next, `${offset}\n`);
    Deno.renameSync(next, this.#file);
  }
}
