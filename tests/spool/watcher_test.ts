import { join } from "@std/path";
import { type Clock, systemClock } from "../../src/platform/clock.ts";
import type { Libc } from "../../src/platform/libc.ts";
import { type SpoolChange, watchSpool } from "../../src/spool/watcher.ts";
import { assertEquals } from "../support/assert.ts";
import { platform } from "../support/platform.ts";
import { FakeClock } from "../support/clock.ts";
import { mountNew } from "../support/mount.ts";
import { tempDir } from "../support/temp.ts";
import { testWith } from "../support/require.ts";

const EMFILE = 24;
const NAME = "uwsgi_spoolfile_on_test_1_1_1_1_1";

/** Watches `dir` and gives a function that waits for a change that fits. */
function watching(dir: string, libc: Libc | null, clock: Clock = systemClock) {
  const changes: SpoolChange[] = [];
  let wake = () => {};
  const identity = Deno.statSync(dir).ino;
  const watcher = watchSpool({
    ...{ dir, libc, clock },
    absence: () => {
      try {
        return Deno.statSync(dir).ino === identity ? null : "another";
      } catch {
        return "none";
      }
    },
    notify: (change) => {
      changes.push(change);
      wake();
    },
  });
  const until = async (fits: (change: SpoolChange) => boolean): Promise<void> => {
    while (!changes.some(fits)) await new Promise<void>((resolve) => wake = resolve);
  };
  return {
    until,
    isComplete: () => watcher.isComplete,
    [Symbol.asyncDispose]: () => watcher.close(),
  };
}

const isTask = (priority: string | null) => (change: SpoolChange) =>
  change.kind === "task" && change.ref.name === NAME && change.ref.priority === priority;

testWith("libc", "inotify names the task that was renamed into the directory", async () => {
  await using temp = await tempDir();
  await using watch = watching(temp.path, platform.libc);
  await Deno.writeTextFile(join(temp.path, "x"), "");
  await Deno.rename(join(temp.path, "x"), join(temp.path, NAME));
  await watch.until(isTask(null));
});

testWith("libc", "a priority directory is watched from its making on", async () => {
  await using temp = await tempDir();
  await using watch = watching(temp.path, platform.libc);
  await Deno.mkdir(join(temp.path, "5"));
  await watch.until((change) => change.kind === "unknown");
  await Deno.writeTextFile(join(temp.path, "5", NAME), "");
  await watch.until(isTask("5"));
});

testWith("libc", "the loss of the directory is reported", async () => {
  await using temp = await tempDir();
  const dir = join(temp.path, "spool");
  await Deno.mkdir(dir);
  await using watch = watching(dir, platform.libc);
  await Deno.remove(dir);
  await watch.until((change) => change.kind === "lost");
});

testWith(
  "libc",
  "a directory is watched as soon as the kernel has an instance for it",
  async () => {
    await using temp = await tempDir();
    let isFull = true;
    const machine = platform.libc as Libc;
    const libc = new Proxy(machine, {
      get: (_, key: keyof Libc) => {
        if (key === "inotifyInit" && isFull) return () => -EMFILE;
        const value: unknown = machine[key];
        return typeof value === "function" ? value.bind(machine) : value;
      },
    });
    const clock = new FakeClock();
    await using watch = watching(temp.path, libc, clock);
    await watch.until((change) => change.kind === "unwatched");
    clock.advance(1000);
    isFull = false;
    clock.advance(1000);
    // What came meanwhile is found by a scan.
    await watch.until((change) => change.kind === "unknown");
    await Deno.writeTextFile(join(temp.path, NAME), "");
    await watch.until(isTask(null));
  },
);

testWith(
  ["libc", "mount"],
  "scans go on where other machines may change the directory, as on any file system that is not known",
  async () => {
    await using local = await tempDir();
    await using foreign = await mountNew("hugetlbfs", "mode=700");
    const isComplete = async (dir: string) => {
      await Deno.mkdir(join(dir, ".spooler"));
      await using watch = watching(dir, platform.libc);
      return watch.isComplete();
    };
    assertEquals([await isComplete(local.path), await isComplete(foreign.path)], [true, false]);
  },
);

Deno.test("without libc any change is reported as unknown", async () => {
  await using temp = await tempDir();
  await using watch = watching(temp.path, null);
  await Deno.writeTextFile(join(temp.path, NAME), "");
  await watch.until((change) => change.kind === "unknown");
});
