/** The thread that takes tasks does not come up, or dies. */

import { sendTask } from "../../src/wire/client.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { Program } from "../support/program.ts";
import { testWith } from "../support/require.ts";
import { makeSite, portIn, rewriteSite, type Site } from "../support/site.ts";
import { varsOf } from "../support/store.ts";

const SCRIPT = new URL("../support/dying_intake_program.ts", import.meta.url).pathname;
const SOCKET = "socket = 127.0.0.1:0";
const HANDLER = "spooler-task = echo ran $SPOOL_N";
const SENDERS = 4;

function launch(site: Site, when: string): Program {
  return Program.launch(Deno.execPath(), ["run", "--quiet", "--allow-all", SCRIPT, site.ini, when]);
}

/** Sends one task after the other until the peer is gone; those that were acknowledged. */
async function sendMany(port: number, sender: number): Promise<string[]> {
  const acknowledged: string[] = [];
  const address = { kind: "tcp", host: "127.0.0.1", port } as const;
  try {
    for (let n = 0;; n++) {
      const name = `${sender}-${n}`;
      if (!await sendTask(address, varsOf({ n: name }))) return acknowledged;
      acknowledged.push(name);
    }
  } catch {
    return acknowledged;
  }
}

for (const fsync of ["yes", "no"]) {
  testWith(
    "libc",
    `an intake that dies ends the program with exit code 70, and loses nothing, spooler-fsync ${fsync}`,
    async () => {
      const settings = [`spooler-fsync = ${fsync}`, SOCKET];
      // Nothing runs its tasks: what is acknowledged is in the spool.
      await using site = await makeSite(...settings, "spooler-external = yes");
      await using program = launch(site, "40");
      const port = portIn(await program.line(/ socket \S+$/));
      await program.line(/ ready$/);
      const senders = Array.from({ length: SENDERS }, (_, sender) => sendMany(port, sender));
      const acknowledged = (await Promise.all(senders)).flat();
      assertEquals(await program.ended(), 70);
      assertMatch(
        program.log,
        /impossible state: the thread that takes tasks has ended: .*injected.*exit code 70/,
      );
      assert(acknowledged.length >= 40, `${acknowledged.length}`);

      await rewriteSite(site, HANDLER);
      await using next = await site.start();
      for (const n of acknowledged) await next.line(new RegExp(`\\| ran ${n}$`));
      assertEquals(await next.stop(), 0);
      const runs = [...next.log.matchAll(/\| ran (\S+)$/gm)].map(([, n]) => n);
      assertEquals(runs.length, new Set(runs).size);
    },
  );
}

for (const when of ["create", "load"]) {
  testWith("libc", `an intake that does not come up, at its ${when}: the start fails`, async () => {
    await using site = await makeSite(SOCKET, HANDLER);
    await using program = launch(site, when);
    assertEquals(await program.ended(), 1);
    assertStringIncludes(program.log, "injected");
  });

  testWith(
    "libc",
    `an intake that does not come up, at its ${when}: the reload fails, and all goes on`,
    async () => {
      await using site = await makeSite(HANDLER);
      await using program = launch(site, when);
      await program.line(/ ready$/);
      await rewriteSite(site, HANDLER, SOCKET);
      for (const count of [1, 2]) {
        program.signal("SIGHUP");
        await program.line(/new configuration cannot start, the old one stays: .*injected/, count);
      }
      assertEquals(await program.stop(), 0);
    },
  );
}
