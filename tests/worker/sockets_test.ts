import { dirname, join } from "@std/path";
import { SocketDirectory } from "../../src/worker/sockets.ts";
import { assertEquals, assertMatch } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";
import { smallFileSystem } from "../support/mount.ts";
import { platform } from "../support/platform.ts";
import { testWith } from "../support/require.ts";
import { holdTask } from "../support/task_files.ts";
import { tempDir } from "../support/temp.ts";

const namesIn = (dir: string) => [...Deno.readDirSync(dir)].map(({ name }) => name).toSorted();

testWith(
  "libc",
  "what a killed program left is removed; what a live one has, or is young, stays",
  async () => {
    await using temp = await tempDir();
    const make = (name: string, mtime: number) => {
      Deno.mkdirSync(join(temp.path, name));
      const lock = join(temp.path, name, "lock");
      Deno.writeTextFileSync(lock, "");
      Deno.utimeSync(lock, mtime, mtime);
      return lock;
    };
    const clock = new FakeClock();
    const seconds = clock.now() / 1000;
    make("spooler-workers-dead", seconds - 100);
    make("spooler-workers-young", seconds - 10);
    make("other-dead", seconds - 100);
    await using _alive = await holdTask(make("spooler-workers-alive", seconds - 100));
    const own = await SocketDirectory.make(platform.claims, clock, temp.path);
    const expected = ["other-dead", "spooler-workers-alive", "spooler-workers-young"];
    assertEquals(namesIn(temp.path).filter((name) => !own.path.endsWith(name)), expected);
    await own[Symbol.asyncDispose]();
    assertEquals(namesIn(temp.path), expected);
  },
);

testWith("libc", "a directory for sockets that somebody has tidied away is made anew", async () => {
  await using temp = await tempDir();
  await using own = await SocketDirectory.make(platform.claims, new FakeClock(), temp.path);
  await Deno.remove(own.path, { recursive: true });
  await own.listen().remove();
  assertEquals((await Deno.stat(own.path)).mode, 0o40700);
});

testWith(
  "libc",
  "sockets do not go into a directory that somebody else has put there",
  async () => {
    await using temp = await tempDir();
    await using own = await SocketDirectory.make(platform.claims, new FakeClock(), temp.path);
    const before = own.path;
    await Deno.remove(before, { recursive: true });
    await Deno.mkdir(before);
    await Deno.chmod(before, 0o777);
    const dir = own.makeDir();
    assertEquals(dirname(dir), own.path);
    assertEquals([own.path === before, namesIn(before)], [false, []]);
    assertEquals((await Deno.stat(own.path)).mode, 0o40700);
  },
);

testWith("mount", "a socket that a full disk has no room for leaves nothing", async () => {
  await using disk = await smallFileSystem(64);
  const script = new URL("../support/full_disk_sockets.ts", import.meta.url).pathname;
  const args = ["run", "--quiet", "--allow-all", script, disk.path];
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
  const decoder = new TextDecoder();
  assertEquals(decoder.decode(stderr), "");
  const { before, after, failures } = JSON.parse(decoder.decode(stdout));
  assertEquals(failures.length, 6);
  for (const failure of failures) assertMatch(failure, /No space/);
  assertEquals(after, before);
});
