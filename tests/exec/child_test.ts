/** Children as libc starts them and as Deno does: both behave alike. */

import { join } from "@std/path";
import { type Child, type ChildCommand, startChild } from "../../src/exec/child.ts";
import { signalGroup } from "../../src/exec/process.ts";
import { isOwnChild } from "../../src/platform/children.ts";
import { O_CLOEXEC } from "../../src/platform/linux.ts";
import { quietly } from "../../src/platform/quietly.ts";
import { spawnCalls } from "../../src/platform/spawn_calls.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { platform } from "../support/platform.ts";
import { testWith } from "../support/require.ts";
import { tempDir } from "../support/temp.ts";
import { until } from "../support/until.ts";

interface Started {
  readonly child: Child;
  /** What it has printed so far. */
  readonly printed: Record<"stdout" | "stderr", string>;
  readonly ended: string[];
}

type Start = (command: Partial<ChildCommand> & { readonly args: readonly string[] }) => Started;

function startBy(calls: ReturnType<typeof spawnCalls>): Start {
  return (command) => {
    const printed = { stdout: "", stderr: "" };
    const ended: string[] = [];
    const child = startChild({ file: "/bin/sh", cwd: "/", env: {}, ...command }, {
      take(stream, bytes) {
        printed[stream] += new TextDecoder().decode(bytes);
        return 0;
      },
      end: (stream) => void ended.push(stream),
    }, calls);
    return { child, printed, ended };
  };
}

/** To its end. */
async function ran({ child, printed, ended }: Started) {
  const end = await child.ended;
  await child.closed;
  await child.fed;
  assert(!isOwnChild(child.pid));
  assertEquals(ended.toSorted(), ["stderr", "stdout"]);
  return { ...end, ...printed };
}

function testBoth(name: string, body: (start: Start) => Promise<void>): void {
  Deno.test(`${name}, started by Deno`, () => body(startBy(null)));
  testWith("libc", `${name}, started by libc`, () => {
    const calls = spawnCalls();
    assert(platform.libc !== null && calls !== null, "posix_spawn cannot be called");
    return body(startBy(calls));
  });
}

const sh = (command: string) => ({ args: ["-c", command] });

testBoth("a child's output, its code and its signal are known", async (start) => {
  const { code, signal, stdout, stderr } = await ran(start(sh("echo out; echo err >&2; exit 7")));
  assertEquals([code, signal, stdout, stderr], [7, null, "out\n", "err\n"]);
  for (const signal of ["SIGTERM", "SIGKILL", "SIGSEGV", "SIGHUP"]) {
    const end = await ran(start(sh(`kill -${signal.slice(3)} $$`)));
    assertEquals(end.signal, signal);
  }
});

testBoth("more output than a pipe holds comes whole, and while it runs", async (start) => {
  const { promise, resolve } = Promise.withResolvers<Started>();
  const command = "head -c 1000000 /dev/zero | tr '\\0' a; echo; read line; echo $line";
  const started = start({ ...sh(command), stdin: whenPrinted(promise) });
  resolve(started);
  const { stdout } = await ran(started);
  assertEquals([stdout.length, stdout.slice(-6)], [1_000_007, "ready\n"]);
});

async function* whenPrinted(started: Promise<Started>): AsyncGenerator<Uint8Array> {
  const { printed } = await started;
  await until(() => printed.stdout.endsWith("a\n"), "the output did not come");
  yield new TextEncoder().encode("ready\n");
}

testBoth("stdin of any size is written, and its end is seen", async (start) => {
  for (const size of [0, 1, 65_536, 65_537, 1_000_000]) {
    const stdin = [new Uint8Array(size).subarray(0, 10), new Uint8Array(size).subarray(10)];
    const { stdout } = await ran(start({ ...sh("wc -c"), stdin }));
    assertEquals(Number(stdout), size);
  }
  assertEquals((await ran(start(sh("wc -c")))).stdout.trim(), "0");
});

testBoth("a child that does not read its stdin does no harm", async (start) => {
  const stdin = [new Uint8Array(1_000_000)];
  assertEquals((await ran(start({ ...sh("exec <&-; exit 3"), stdin }))).code, 3);
  const broken = {
    *[Symbol.iterator]() {
      yield new Uint8Array(5);
      throw new Error("the disk is broken");
    },
  };
  assertEquals((await ran(start({ ...sh("wc -c"), stdin: broken }))).stdout.trim(), "5");
});

testBoth(
  "it leads a session of its own, in its directory, and a signal ends all of it",
  async (start) => {
    await using temp = await tempDir();
    const { stdout } = await ran(
      start({ ...sh("pwd; cut -d' ' -f1,5,6 /proc/$$/stat"), cwd: temp.path }),
    );
    const [cwd, ids = ""] = stdout.split("\n");
    assertEquals(cwd, await Deno.realPath(temp.path));
    const [pid, group, session] = ids.split(" ");
    assertEquals([group, session], [pid, pid]);
    const started = start(sh("sleep 600 & sleep 600 & echo up; wait"));
    await until(() => started.printed.stdout !== "", "it does not start");
    signalGroup(started.child.pid, "SIGKILL");
    // Their pipes close with the last of them.
    assertEquals((await ran(started)).signal, "SIGKILL");
  },
);

testBoth(
  "it has the program's environment, with what is added and without what is taken",
  async (start) => {
    Deno.env.set("SPOOLER_TEST_KEPT", "kept");
    Deno.env.set("SPOOLER_TEST_TAKEN", "taken");
    Deno.env.set("SPOOLER_TEST_CHANGED", "before");
    try {
      const command = "env | grep ^SPOOLER_TEST | sort";
      const env = {
        SPOOLER_TEST_TAKEN: null,
        SPOOLER_TEST_CHANGED: "wörld=1",
        SPOOLER_TEST_NEW: "",
      };
      const { stdout } = await ran(start({ ...sh(command), env }));
      assertEquals(stdout.split("\n"), [
        ...["SPOOLER_TEST_CHANGED=wörld=1", "SPOOLER_TEST_KEPT=kept", "SPOOLER_TEST_NEW=", ""],
      ]);
      Deno.env.delete("SPOOLER_TEST_KEPT");
      Deno.env.set("SPOOLER_TEST_TAKEN", "again");
      const later = await ran(start(sh(command)));
      assertEquals(later.stdout, "SPOOLER_TEST_CHANGED=before\nSPOOLER_TEST_TAKEN=again\n");
    } finally {
      for (const name of ["KEPT", "TAKEN", "CHANGED"]) Deno.env.delete(`SPOOLER_TEST_${name}`);
    }
  },
);

testBoth("values of any length reach it, beyond what was reserved at first", async (start) => {
  const env = Object.fromEntries(
    Array.from({ length: 2000 }, (_, n) => [`SPOOLER_TEST_${n}`, "ä".repeat(n % 50)]),
  );
  const long = "x".repeat(100_000);
  const { stdout } = await ran(start({
    args: ["-c", 'env | grep -c ^SPOOLER_TEST_; echo "$SPOOLER_TEST_1999"; echo ${#1}', "sh", long],
    env,
  }));
  assertEquals(stdout, `2000\n${"ä".repeat(49)}\n100000\n`);
});

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
    const own = Deno.readTextFileSync("/proc/self/status");
    const ignored = BigInt(`0x${/^SigIgn:\s*(\w+)/m.exec(own)?.[1]}`) & ~(1n << 12n);
    // glibc starts programs with its own two signals ignored, 32 and 33.
    const masks = signals?.map((line) => BigInt(`0x${line.split("\t")[1]}`) & ~(3n << 31n));
    assertEquals(masks, [0n, ignored]);
  },
);

testBoth("a name is searched for on the PATH that the child has", async (start) => {
  await using temp = await tempDir();
  await Deno.mkdir(join(temp.path, "tool"));
  const bin = join(temp.path, "bin");
  await Deno.mkdir(bin);
  await Deno.writeTextFile(join(bin, "tool"), "#!/bin/sh\necho found $0\n", { mode: 0o755 });
  const env = { PATH: `${temp.path}:${bin}:/usr/bin:/bin` };
  assertEquals((await ran(start({ file: "tool", args: [], env }))).stdout, `found ${bin}/tool\n`);
  // Without a first line that names an interpreter it is the shell's.
  await Deno.writeTextFile(join(bin, "plain"), "echo plain $1\n", { mode: 0o755 });
  assertEquals((await ran(start({ file: "plain", args: ["x"], env }))).stdout, "plain x\n");
});

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
