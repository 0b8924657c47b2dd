/** A machine without an inotify instance to spare: the program works by scans, and says so. */

import { assertEquals } from "../support/assert.ts";
import { commandLine, Program, programLabel, spooler } from "../support/program.ts";
import { testWith } from "../support/require.ts";
import { makeSite, rewriteSite } from "../support/site.ts";

testWith(
  "root",
  `${programLabel}: without inotify tasks are found by scans, over a reload`,
  async () => {
    const lines = ["spooler-task = echo found", "spooler-frequency = 0.2"];
    await using site = await makeSite(...lines);
    const [file, args] = commandLine(["--ini", site.ini]);
    const command = 'echo 0 > /proc/sys/user/max_inotify_instances && exec "$0" "$@"';
    const all = ["--user", "--map-root-user", "sh", "-c", command, file, ...args];
    await using program = Program.launch("unshare", all);
    await program.line(/ ready$/);
    await program.line(/only scans find new tasks: inotify_init1/);
    const push = () => spooler(["push", "--dir", site.spool, "a=b"]);
    assertEquals((await push()).code, 0);
    await program.line(/found$/);
    await rewriteSite(site, ...lines, "spooler-processes = 2");
    program.signal("SIGHUP");
    await program.line(/only scans find new tasks/, 2);
    assertEquals((await push()).code, 0);
    await program.line(/found$/, 2);
    assertEquals(await program.stop(), 0);
  },
);
