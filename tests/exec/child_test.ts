/** Children as libc starts them and as Deno does: both behave alike. */

import { join } from "@std/path";
import { signalGroup } from "../../src/exec/process.ts";
import { assertEquals } from "../support/assert.ts";
import { ran, sh, type Started, testBoth } from "../support/children.ts";
import { testWith } from "../support/require.ts";
import { tempDir } from "../support/temp.ts";
import { until } from "../support/until.ts";

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

testBoth("a name is searched for on the PATH that the child has", async (start) => {
  await using temp = await tempDir();
  await Deno.mkdir(join(temp.path, "tool"));
  const bin = join(temp.path, "bin");
  await Deno.mkdir(bin);
  await Deno.writeTextFile(join(temp.path, "tool.sh"), "#!/bin/sh\necho found $0\n", {
    mode: 0o755,
  });
  await ran(start({ file: "cp", args: [join(temp.path, "tool.sh"), join(bin, "tool")] }));
  const env = { PATH: `${temp.path}:${bin}:/usr/bin:/bin` };
  assertEquals((await ran(start({ file: "tool", args: [], env }))).stdout, `found ${bin}/tool\n`);
  // Without a first line that names an interpreter it is the shell's.
  // Copied by a child: a file that this process writes would be busy in a child that a test beside starts.
  await Deno.writeTextFile(join(temp.path, "plain.sh"), "echo plain $1\n", { mode: 0o755 });
  await ran(start({ file: "cp", args: [join(temp.path, "plain.sh"), join(bin, "plain")] }));
  assertEquals((await ran(start({ file: "plain", args: ["x"], env }))).stdout, "plain x\n");
});

Deno.test("what a child has of its parent, and leaves there, in a process of its own", async () => {
  await passesAlone([]);
});

Deno.test("a child ignores the signals that its parent was told to ignore", async () => {
  await passesAlone(["env", "--ignore-signal=USR2"], "--filter=none ignored for it");
});

testWith(
  "libc",
  "the end of a child is noticed though nobody is told of it by SIGCHLD",
  async () => {
    await passesAlone(["env", "--block-signal=CHLD"], "--filter=by libc");
  },
);

/** Runs child_alone.ts. @param before a command that runs the rest of its line */
async function passesAlone(before: readonly string[], ...options: readonly string[]) {
  const alone = new URL("child_alone.ts", import.meta.url).pathname;
  const test = ["test", "--quiet", "--no-check", "--allow-all", ...options, alone];
  const [file = "", ...args] = [...before, Deno.execPath(), ...test];
  const { code, stdout, stderr } = await new Deno.Command(file, { args }).output();
  const text = [stdout, stderr].map((each) => new TextDecoder().decode(each)).join("");
  assertEquals(code, 0, text);
}
