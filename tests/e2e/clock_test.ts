/** A wall clock that is a day ahead, and then set right. */

import { join } from "@std/path";
import { isTaskName } from "../../src/spool/layout.ts";
import { sendTask } from "../../src/wire/client.ts";
import { assertEquals } from "../support/assert.ts";
import { FakeWallClock } from "../support/faketime.ts";
import { Program, programLabel } from "../support/program.ts";
import { testWith } from "../support/require.ts";
import { makeSite, portIn, type Site } from "../support/site.ts";
import { varsOf } from "../support/store.ts";

const DAY_MS = 86_400_000;

/**
 * A program whose clock is a day ahead, with a task that runs until `go` is there, and one behind it
 * that was accepted meanwhile.
 */
async function startAhead(site: Site, clock: FakeWallClock): Promise<Program> {
  const program = await Program.start(["--ini", site.ini], { env: clock.env });
  const port = portIn(await program.line(/ socket 127\.0\.0\.1:\d+$/));
  const send = (func: string) =>
    sendTask({ kind: "tcp", host: "127.0.0.1", port }, varsOf({ ud_spool_func: func }));
  assertEquals(await send("first"), true);
  await program.line(/ first \S+ started/);
  assertEquals(await send("second"), true);
  // The kernel gives a new file the time of its own clock, which is ahead in earnest, and here is not.
  const ahead = new Date(Date.now() + DAY_MS);
  const names = [...Deno.readDirSync(site.spool)].filter(({ name }) => isTaskName(name));
  assertEquals(names.length, 2);
  for (const { name } of names) Deno.utimeSync(join(site.spool, name), ahead, ahead);
  return program;
}

const LINES = [
  "socket = 127.0.0.1:0",
  "spooler-processes = 1",
  "spooler-task = name=first until test -e go; do sleep 0.05; done",
  "spooler-task = name=second echo it ran",
];

testWith(
  "faketime",
  `${programLabel}: what was accepted with the clock a day ahead runs when it is set right`,
  async () => {
    await using site = await makeSite(...LINES);
    const clock = new FakeWallClock(site.dir, "+1d");
    await using program = await startAhead(site, clock);
    clock.set("+0");
    await program.line(/the wall clock was set back by 86[34]\d\d s/);
    await Deno.writeTextFile(join(site.dir, "go"), "");
    await program.line(/ second \S+ done/);
    assertEquals(await program.stop(), 0);
  },
);

testWith(
  "faketime",
  `${programLabel}: and when the program is started again with the right clock`,
  async () => {
    await using site = await makeSite(...LINES);
    const clock = new FakeWallClock(site.dir, "+1d");
    await using first = await startAhead(site, clock);
    await first.kill();
    await Deno.writeTextFile(join(site.dir, "go"), "");
    await using second = await site.start();
    await second.line(/ second \S+ done/);
    assertEquals(await second.stop(), 0);
  },
);
