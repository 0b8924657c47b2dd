/** Users and supplementary groups: of the program's own user, and of those that jobs and tasks run as. */

import { join } from "@std/path";
import { assertEquals } from "../support/assert.ts";
import { commandLine, Program, programLabel } from "../support/program.ts";
import { testWith } from "../support/require.ts";
import { makeSite, pushTask, type Site } from "../support/site.ts";

const PASSWD = `root:x:0:0:root:/root:/bin/sh
worker:x:4001:4001::/:/bin/sh
other:x:4002:4002::/:/bin/sh
`;
const GROUP = `root:x:0:
worker:x:4001:
other:x:4002:
mail-readers:x:4101:worker
printers:x:4102:other,worker
backup-crew:x:4103:other
extra:x:4104:
`;

/** The program on a machine with these users, which nobody else sees. */
async function startAmong(site: Site): Promise<Program> {
  const [passwd, group] = [join(site.dir, "passwd"), join(site.dir, "group")];
  await Deno.writeTextFile(passwd, PASSWD);
  await Deno.writeTextFile(group, GROUP);
  await Deno.chmod(site.dir, 0o755);
  const mounts = `mount --bind ${passwd} /etc/passwd && mount --bind ${group} /etc/group`;
  const [file, args] = commandLine(["--ini", site.ini]);
  const program = Program.launch("unshare", [
    ...["--mount", "sh", "-c", `${mounts} && exec "$@"`, "sh"],
    ...[file, ...args],
  ]);
  await program.line(/ ready$/);
  return program;
}

const IDS = 'echo "$(id -u) $(id -g) $(id -G | tr " " "\\n" | sort | xargs)"';

testWith("root", `${programLabel}: groups: uid has those of the user, and add-gid`, async () => {
  await using site = await makeSite(
    "chdir = /",
    "uid = worker",
    "add-gid = extra",
    "add-gid = 4200",
    `spooler-task = name=f ${IDS}`,
    `timer2 = every=1h,at-start=yes,name=job ${IDS}`,
  );
  await using program = await startAmong(site);
  await pushTask(site, "ud_spool_func=f");
  await program.line(/ f\| 4001 4001 4001 4101 4102 4104 4200$/);
  await program.line(/job\| 4001 4001 4001 4101 4102 4104 4200$/);
  assertEquals(await program.stop(), 0);
});

testWith("root", `${programLabel}: groups: user= of a job and of a task has its own`, async () => {
  await using site = await makeSite(
    "chdir = /",
    `spooler-task = name=f,user=other ${IDS}`,
    `timer2 = every=1h,at-start=yes,name=job,user=worker ${IDS}`,
    `cron2 = minute=*,name=cron,user=other ${IDS}`,
  );
  await using program = await startAmong(site);
  await pushTask(site, "ud_spool_func=f");
  await program.line(/ f\| 4002 4002 4002 4102 4103$/);
  await program.line(/job\| 4001 4001 4001 4101 4102$/);
  await program.line(/cron\| 4002 4002 4002 4102 4103$/);
  assertEquals(await program.stop(), 0);
});

testWith("root", `${programLabel}: root without uid is warned about, as by uWSGI`, async () => {
  await using site = await makeSite("spooler-task = name=f true");
  await using program = await site.start();
  await program.line(
    / warning: runs as root, and so do tasks and jobs without a user of their own/,
  );
  assertEquals(await program.stop(), 0);
  await using other = await makeSite("spooler-task = name=f true", "uid = nobody");
  await Deno.chmod(other.dir, 0o755);
  await using quiet = await other.start();
  await quiet.line(/ ready$/);
  assertEquals(quiet.log.includes("runs as root"), false);
  assertEquals(await quiet.stop(), 0);
});
