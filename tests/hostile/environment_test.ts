/** What task code finds in its environment. */

import { existsSync } from "node:fs";
import { join } from "@std/path";
import { assertEquals } from "../support/assert.ts";
import { Program, programLabel, spooler } from "../support/program.ts";
import { testWith } from "../support/require.ts";
import { makeSite } from "../support/site.ts";
import { until } from "../support/until.ts";

const SECRET = "correct-horse-battery-staple";

testWith("libc", `${programLabel}: secrets of the environment do not reach tasks`, async () => {
  await using site = await makeSite("spooler-task = env >env.tmp; mv env.tmp env");
  const found = join(site.dir, "env");
  const env = {
    UWSGI_SPOOLER_SECRET: SECRET,
    UWSGI_SPOOLER_FORWARD2: `dir=${join(site.dir, "away")},to=127.0.0.1:1,secret=${SECRET}`,
    UWSGI_SPOOLER_MAX_RETRIES: "3",
  };
  await using program = await Program.start(["--ini", site.ini], { env });
  const run = async () => {
    const pushed = await spooler(["push", "--dir", site.spool, "n=1"]);
    assertEquals(pushed.code, 0);
    await until(() => existsSync(found), "the task has run");
    const text = await Deno.readTextFile(found);
    await Deno.remove(found);
    assertEquals(text.split("\n").filter((line) => line.includes(SECRET)), []);
    assertEquals(/^UWSGI_SPOOLER_MAX_RETRIES=3$/m.test(text), true);
  };
  await run();
  // A reload still knows them, and gives them to nobody either.
  program.signal("SIGHUP");
  await program.line(/reload/);
  await run();
  assertEquals(await program.stop(), 0);
});
