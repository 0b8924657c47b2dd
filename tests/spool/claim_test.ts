/** Claims under POSIX locks: what happens in the moments between their system calls. */

import { join } from "@std/path";
import type { Libc } from "../../src/platform/libc.ts";
import { type Claim, PosixClaims } from "../../src/spool/claim.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "../support/assert.ts";
import { platform } from "../support/platform.ts";
import { testWith } from "../support/require.ts";
import { holdTask } from "../support/task_files.ts";
import { tempDir } from "../support/temp.ts";

/** In the file system's time: a claim asks how long a file has been as it is. */
const now = () => Date.now();
/** What was made in this second may have been moved since it was opened. */
const LONG_MS = 1_100;

/** The machine's libc, with something that happens, or comes instead, when it is called. */
function libcWith(calls: Partial<Record<keyof Libc, () => unknown>>): Libc {
  const { libc } = platform;
  assert(libc);
  return new Proxy(libc, {
    get(target, key) {
      const call: unknown = Reflect.get(target, key);
      if (typeof call !== "function") return call;
      return (...args: unknown[]) =>
        calls[key as keyof Libc]?.() ?? (call.apply(target, args) as unknown);
    },
  });
}

async function inFile(act: (path: string, dir: string) => Promise<void> | void): Promise<void> {
  await using temp = await tempDir();
  const path = join(temp.path, "task");
  await Deno.writeTextFile(path, "the task");
  await act(path, temp.path);
}

function claimed(claims: PosixClaims, path: string): Claim {
  const claim = claims.claim(path, now());
  assert(claim.kind === "claimed", claim.kind);
  return claim;
}

const MOMENTS: readonly (readonly [string, (path: string) => void, string])[] = [
  ["is done", (path) => Deno.removeSync(path), "gone"],
  ["is moved away", (path) => Deno.renameSync(path, `${path}.failed`), "gone"],
  ["is replaced", (path) => {
    Deno.writeTextFileSync(`${path}.new`, "another");
    Deno.renameSync(`${path}.new`, path);
  }, "gone"],
  ["is deferred", (path) => Deno.utimeSync(path, now() / 1000 + 5, now() / 1000 + 5), "deferred"],
];

for (const [what, happen, kind] of MOMENTS) {
  testWith(
    "libc",
    `a task that ${what} between open and lock is not claimed`,
    () =>
      inFile((path) => {
        const claims = new PosixClaims(libcWith({ tryLock: () => void happen(path) }));
        assertEquals(claims.claim(path, now()).kind, kind);
      }),
  );
}

testWith(
  "libc",
  "the same happens to tasks that have long been as they are",
  () =>
    inFile(async (path) => {
      const long = MOMENTS.map((moment) => ({ moment, path: `${path} that ${moment[0]}` }));
      for (const { path } of long) await Deno.writeTextFile(path, "the task");
      await new Promise((resolve) => setTimeout(resolve, LONG_MS));
      for (const { moment: [what, happen, kind], path } of long) {
        const claims = new PosixClaims(libcWith({ tryLock: () => void happen(path) }));
        assertEquals(claims.claim(path, now()).kind, kind, what);
      }
    }),
);

testWith(
  "libc",
  "a try that fails for want of a lock leaves an earlier claim its own",
  () =>
    inFile(async (path) => {
      let isLacking = false;
      const claims = new PosixClaims(libcWith({
        tryLock: () => {
          if (isLacking) throw new Error("no locks available");
        },
      }));
      const claim = claimed(claims, path);
      isLacking = true;
      assertThrows(() => claims.claim(path, now()), Error, "no locks available");
      await assertRejects(() => holdTask(path), Error, "could not be held");
      claim.release();
      await using _held = await holdTask(path);
    }),
);

testWith("libc", "a task that is gone before it is opened is gone", () =>
  inFile((path) => {
    Deno.removeSync(path);
    assertEquals(new PosixClaims(libcWith({})).claim(path, now()), { kind: "gone" });
  }));

testWith(
  "libc",
  "a second try and a peek in the same process leave the lock where it is",
  () =>
    inFile(async (path) => {
      const claims = new PosixClaims(libcWith({}));
      const claim = claimed(claims, path);
      Deno.linkSync(path, `${path}.link`);
      for (const name of [path, `${path}.link`]) {
        assertEquals(claims.claim(name, now()), { kind: "busy" });
        const look = claims.peek(name);
        assert(look.kind === "open" && look.locked);
        look.close();
        await assertRejects(() => holdTask(path), Error, "could not be held");
      }
      claim.release();
      await using _held = await holdTask(path);
    }),
);

testWith(
  "libc",
  "what is no regular file cannot be claimed, and nothing waits for it",
  async () => {
    await using temp = await tempDir();
    const at = (name: string) => join(temp.path, name);
    await Deno.mkdir(at("directory"));
    await Deno.writeTextFile(at("file"), "");
    await Deno.symlink(at("file"), at("symlink"));
    await new Deno.Command("mkfifo", { args: [at("fifo")] }).output();
    using _socket = Deno.listen({ transport: "unix", path: at("socket") });
    const claims = new PosixClaims(libcWith({}));
    const expected = { kind: "unusable", reason: "it is not a regular file" } as const;
    for (const name of ["directory", "symlink", "fifo", "socket"]) {
      assertEquals(claims.claim(at(name), now()), expected, name);
      assertEquals(claims.peek(at(name)), expected, name);
    }
  },
);

testWith(
  "libc",
  "a file that may not be opened is unusable; a lack of descriptors is an error",
  () =>
    inFile((path) => {
      const refusing = new PosixClaims(libcWith({ openFile: () => -13 }));
      assertEquals(refusing.claim(path, now()), { kind: "unusable", reason: "permission denied" });
      const lacking = new PosixClaims(libcWith({ openFile: () => -24 }));
      assertThrows(() => lacking.claim(path, now()), Error, "errno 24");
    }),
);
