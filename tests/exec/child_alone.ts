/**
 * What a child has of its parent's descriptors and signals, and what it leaves there. child_test.ts runs
 * this in a process of its own: the tests beside it have their descriptors in common with it.
 */

import { O_CLOEXEC } from "../../src/platform/linux.ts";
import { quietly } from "../../src/platform/quietly.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { ran, sh, type Start, startBy, testBoth } from "../support/children.ts";
import { testWith } from "../support/require.ts";
import { spawnCalls } from "../../src/platform/spawn_calls.ts";
import { until } from "../support/until.ts";

/** As a bit of a mask: a program ignores it, and its children do not. */
const SIGPIPE = 1n << 12n;

testBoth(
  "it has no descriptor but its own, no signal blocked, and none ignored for it",
  async (start) => {
    using _file = await Deno.open("/dev/null");
    const { stdout } = await ran(start({
      args: ["-c", "ls /proc/self/fd; grep -E '^Sig(Blk|Ign)' /proc/self/status"],
      stdin: [],
    }));
    const [fds, signals] = [stdout.match(/^\d+$/gm), stdout.match(/^Sig.*$/gm)];
    // What this process was given to pass on; and ls has one more, for the directory.
    const passedOn = inheritable().filter((fd) => fds?.includes(fd));
    assertEquals(new Set(fds), new Set([...passedOn, "0", "1", "2", freeOf(passedOn)]));
    // glibc starts programs with its own two signals ignored, 32 and 33.
    const maskIn = (line: string) => BigInt(`0x${line.split("\t")[1]}`) & ~(3n << 31n);
    const own = /^SigIgn.*$/m.exec(Deno.readTextFileSync("/proc/self/status"))?.[0] ?? "";
    assertEquals(signals?.map(maskIn), [0n, maskIn(own) & ~SIGPIPE]);
  },
);

testBoth("what cannot be started is an error that says what and why", (start) => {
  const reason = (command: Parameters<Start>[0]) => {
    try {
      start(command);
    } catch (error) {
      return String(error);
    }
    return "it was started";
  };
  const before = descriptors();
  for (const file of ["/nowhere/sh", "no-such-program"]) {
    const text = reason({ file, args: [] });
    assert(text.includes(file) && /no such file|not (?:find|found)/i.test(text), text);
  }
  assert(/denied/i.test(reason({ file: "/etc/passwd", args: [] })));
  const text = reason({ ...sh(":"), cwd: "/nowhere" });
  assert(text.includes("/nowhere") && !text.includes("start /bin/sh"), text);
  // What could not be started has left nothing open.
  assert(descriptors() <= before);
  return Promise.resolve();
});

testBoth("children come and go without a trace", async (start) => {
  await ran(start(sh(":")));
  const before = descriptors();
  for (let round = 0; round < 5; round++) {
    const all = Array.from({ length: 10 }, (_, n) => start({ ...sh(`exit ${n}`), stdin: [] }));
    const ends = await Promise.all(all.map(ran));
    assertEquals(ends.map(({ code }) => code), [...ends.keys()]);
  }
  await until(() => descriptors() <= before, "descriptors are left");
});

testWith("libc", "only a child that goes on has a descriptor for its end, by libc", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const stdin = (async function* () {
    await promise;
    yield new Uint8Array([10]);
  })();
  const started = startBy(spawnCalls())({ ...sh("read line; exit 4"), stdin });
  assertEquals(ends(), 0);
  await until(() => ends() === 1, "it is not watched");
  resolve();
  assertEquals((await ran(started)).code, 4);
  assertEquals(ends(), 0);
});

/** Descriptors that say when a process has ended. */
function ends(): number {
  const all = [...Deno.readDirSync("/proc/self/fd")];
  return all.filter(({ name }) =>
    /pidfd/.test(quietly(() => Deno.readLinkSync(`/proc/self/fd/${name}`)) ?? "")
  ).length;
}

/** Descriptors that are not closed on exec. */
function inheritable(): string[] {
  const numbers = [...Deno.readDirSync("/proc/self/fd")].map(({ name }) => name);
  return numbers.filter((fd) => {
    const info = quietly(() => Deno.readTextFileSync(`/proc/self/fdinfo/${fd}`)) ?? "";
    return (Number(/^flags:\s*(\d+)/m.exec(info)?.[1]?.replace(/^/, "0o") ?? "0o2000000") &
      O_CLOEXEC) === 0;
  });
}

/** The lowest behind the first three. */
function freeOf(taken: readonly string[]): string {
  let fd = 3;
  while (taken.includes(String(fd))) fd++;
  return String(fd);
}

function descriptors(): number {
  return Deno.build.os === "linux" ? [...Deno.readDirSync("/proc/self/fd")].length : 0;
}
