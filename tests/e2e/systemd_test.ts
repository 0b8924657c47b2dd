/** `spooler systemd-unit`: systemd finds nothing wrong with it. */

import { join } from "@std/path";
import { assertEquals, assertMatch } from "../support/assert.ts";
import { programLabel, spooler } from "../support/program.ts";
import { testWith } from "../support/require.ts";
import { makeSite } from "../support/site.ts";

Deno.test(`${programLabel}: systemd: the unit names the ini and what it writes to`, async () => {
  await using site = await makeSite(
    "spooler-task = true",
    "socket = in.sock",
    "worker-reload-mercy = 90",
  );
  const { code, stdout, stderr } = await spooler(["systemd-unit", "--ini", site.ini]);
  assertEquals([code, stderr], [0, ""]);
  assertMatch(stdout, /^Type=notify$/m);
  assertMatch(stdout, new RegExp(`^ExecStart=.* --ini ${site.ini}$`, "m"));
  assertMatch(stdout, /^KillMode=mixed$/m);
  assertMatch(stdout, /^Restart=always$/m);
  assertMatch(stdout, /^RestartPreventExitStatus=2$/m);
  assertMatch(stdout, /^OOMPolicy=continue$/m);
  assertMatch(stdout, /^TimeoutStopSec=105$/m);
  assertMatch(stdout, new RegExp(`^ReadWritePaths=${site.spool}$`, "m"));
  assertMatch(stdout, new RegExp(`^ReadWritePaths=${site.dir}$`, "m"));
  assertEquals(/MemoryDenyWriteExecute/.test(stdout), false);
});

testWith("systemd", `${programLabel}: systemd: systemd-analyze accepts the unit`, async () => {
  await using site = await makeSite("spooler-task = true");
  const { stdout } = await spooler(["systemd-unit", "--ini", site.ini]);
  const unit = join(site.dir, "spooler-test.service");
  await Deno.writeTextFile(unit, stdout);
  const verified = await new Deno.Command("systemd-analyze", {
    args: ["verify", "--man=no", "--recursive-errors=no", unit],
  }).output();
  const said = new TextDecoder().decode(verified.stderr);
  assertEquals([verified.code, said], [0, ""]);
});
