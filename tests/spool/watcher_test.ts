import { join } from "@std/path";
import { systemClock } from "../../src/platform/clock.ts";
import type { Libc } from "../../src/platform/libc.ts";
import { type SpoolChange, watchSpool } from "../../src/spool/watcher.ts";
import { platform } from "../support/platform.ts";
import { tempDir } from "../support/temp.ts";
import { testWith } from "../support/require.ts";

const NAME = "uwsgi_spoolfile_on_test_1_1_1_1_1";

/** Watches `dir` and gives a function that waits for a change that fits. */
function watching(dir: string, libc: Libc | null) {
  const changes: SpoolChange[] = [];
  let wake = () => {};
  const identity = Deno.statSync(dir).ino;
  const watcher = watchSpool({
    ...{ dir, libc, clock: systemClock },
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
  return { until, [Symbol.asyncDispose]: () => watcher.close() };
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

Deno.test("without libc any change is reported as unknown", async () => {
  await using temp = await tempDir();
  await using watch = watching(temp.path, null);
  await Deno.writeTextFile(join(temp.path, NAME), "");
  await watch.until((change) => change.kind === "unknown");
});
