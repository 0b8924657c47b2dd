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
  const printed = await spooler(["systemd-unit", "--ini", site.ini]);
  assertEquals([printed.code, printed.stderr], [0, ""]);
  // systemd starts no service that is to write to what is not there.
  assertEquals(printed.stdout.match(/^ReadWritePaths=.*$/gm), [`ReadWritePaths=${site.dir}`]);
  await Deno.mkdir(site.spool);
  const { stdout } = await spooler(["systemd-unit", "--ini", site.ini]);
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

async function verify(...units: string[]): Promise<void> {
  const verified = await new Deno.Command("systemd-analyze", {
    args: ["verify", "--man=no", "--recursive-errors=no", ...units],
  }).output();
  const said = new TextDecoder().decode(verified.stderr);
  assertEquals([verified.code, said], [0, ""]);
}

testWith("systemd", `${programLabel}: systemd: systemd-analyze accepts the unit`, async () => {
  await using site = await makeSite("spooler-task = true");
  const { stdout } = await spooler(["systemd-unit", "--ini", site.ini]);
  const unit = join(site.dir, "spooler-test.service");
  await Deno.writeTextFile(unit, stdout);
  await verify(unit);
});

const EXAMPLE = new URL("../../examples/systemd/", import.meta.url);
const UNIT_INI = "/etc/spooler/site.ini";
const UNIT_PROGRAM = "/usr/local/bin/spooler";

testWith("systemd", `${programLabel}: systemd: the example is what is printed`, async () => {
  await using site = await makeSite();
  await Deno.copyFile(new URL("site.ini", EXAMPLE), site.ini);
  const checked = await spooler(["check", site.ini]);
  assertEquals(checked.code, 0, checked.stderr);
  const { stdout } = await spooler(["systemd-unit", "--ini", site.ini]);
  const [program] = /(?<=^ExecStart=)\S+/m.exec(stdout) ?? [""];
  const text = stdout.replaceAll(site.ini, UNIT_INI).replace(program, UNIT_PROGRAM);
  assertEquals(await Deno.readTextFile(new URL("spooler.service", EXAMPLE)), text);
  // Where the program is not installed systemd would say so.
  const [service, socket] = ["service", "socket"].map((kind) => join(site.dir, `spooler.${kind}`));
  await Deno.writeTextFile(service ?? "", stdout);
  await Deno.copyFile(new URL("spooler.socket", EXAMPLE), socket ?? "");
  await verify(service ?? "", socket ?? "");
});
