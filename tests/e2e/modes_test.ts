/** Whose the files of a spool are, and who may read them, whatever the umask and whoever made them. */

import { join } from "@std/path";
import { tasksIn } from "../../src/history/reader.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { historyOf, soon } from "../support/history.ts";
import { commandLine, Program, programLabel, spooler } from "../support/program.ts";
import { testWith } from "../support/require.ts";
import { makeSite } from "../support/site.ts";
import { tempDir } from "../support/temp.ts";
import { until } from "../support/until.ts";

const USER = 12345;
const GROUP = 23456;

interface Entry {
  readonly path: string;
  readonly mode: number;
  readonly isDirectory: boolean;
  readonly uid: number | null;
  readonly gid: number | null;
}

/** What is in the directory, but for tasks that are done meanwhile. */
async function entriesOf(dir: string): Promise<Entry[]> {
  const info = await Deno.lstat(dir).catch((error) => {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  });
  if (info === null) return [];
  const { mode, isDirectory, uid, gid } = info;
  const entries = [{ path: dir, mode: (mode ?? 0) & 0o7777, isDirectory, uid, gid }];
  if (!isDirectory) return entries;
  for await (const { name } of Deno.readDir(dir)) entries.push(...await entriesOf(join(dir, name)));
  return entries;
}

for (const umask of ["777", "000"]) {
  Deno.test(`${programLabel}: with a umask of ${umask} files are as private as ever`, async () => {
    await using site = await makeSite(
      ...["spooler-task = exit 65", "socket = 127.0.0.1:0", "spooler-frequency = 1"],
    );
    const [file, args] = commandLine(["--ini", site.ini]);
    const command = `umask ${umask}; exec "$0" "$@"`;
    await using program = Program.launch("sh", ["-c", command, file, ...args]);
    await program.line(/ ready$/);
    const push = ["push", "--dir", site.spool, "--priority", "5", "a=b"];
    const [pusher, pushed] = commandLine(push);
    const { success } = await new Deno.Command("sh", {
      args: ["-c", command, pusher, ...pushed],
      stdout: "null",
    }).output();
    assert(success);
    // The last that is written for a task: nothing is half made then.
    const files = historyOf(site.spool);
    await soon("a run that ended", () => [...tasksIn(files)][0]);
    for (const { path, mode, isDirectory } of await entriesOf(site.spool)) {
      assertEquals(mode.toString(8), isDirectory ? "750" : "600", path);
    }
    assertEquals(await program.stop(), 0);
  });
}

testWith("root", `${programLabel}: what root makes in another's spool is that user's`, async () => {
  await using temp = await tempDir();
  const dir = join(temp.path, "spool");
  await Deno.mkdir(dir);
  await Deno.chown(dir, USER, GROUP);
  const ini = join(temp.path, "site.ini");
  await Deno.writeTextFile(ini, "[uwsgi]\nspooler = spool\nspooler-task = exit 65\n");
  const assertTheirs = async () => {
    for (const { path, uid, gid } of await entriesOf(dir)) {
      assertEquals([uid, gid], [USER, GROUP], path);
    }
  };
  assertEquals((await spooler(["push", "--dir", dir, "--priority", "3", "a=b"])).code, 0);
  assertEquals((await spooler(["pause", "--dir", dir])).code, 0);
  await assertTheirs();
  const failed = join(dir, "failed/3");
  {
    await using program = await Program.start(["--ini", ini]);
    assertEquals((await spooler(["resume", "--dir", dir])).code, 0);
    await until(() => Deno.stat(failed).then(() => true, () => false), "nothing is given up");
    await until(async () => (await entriesOf(failed)).length === 3, "no task and record");
    await assertTheirs();
    assertEquals(await program.stop(), 0);
  }
  await Deno.remove(join(dir, "3"));
  assertEquals((await spooler(["retry", "--dir", dir, "--all"])).code, 0);
  await assertTheirs();
  assertEquals((await entriesOf(join(dir, "3"))).length, 2);
});
