/** The program where libc cannot be called: from source, without the permission for it. */

import { join } from "@std/path";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { Program, spooler } from "../support/program.ts";
import { makeSite } from "../support/site.ts";

const MAIN = new URL("../../main.ts", import.meta.url).pathname;
const PERMISSIONS = ["read", "write", "net", "run", "env", "sys"].map((each) => `--allow-${each}`);

Deno.test("where OpenSSL cannot be called a socket that needs client certificates is refused", async () => {
  await using site = await makeSite("suwsgi-socket = 127.0.0.1:0,cert.pem,key.pem,ca.pem");
  for (const file of ["cert.pem", "key.pem", "ca.pem"]) {
    await Deno.writeTextFile(join(site.dir, file), "");
  }
  const args = ["run", "--quiet", "--no-prompt", ...PERMISSIONS, MAIN, "--ini", site.ini];
  const { code, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
  assertMatch(
    new TextDecoder().decode(stderr),
    /cannot ask for client certificates: this machine has no OpenSSL: /,
  );
  assert(code !== 0);
});

Deno.test("without libc the program says once that it must be alone, and goes on", async () => {
  await using site = await makeSite(
    "spooler-task = name=bad exit 65",
    "spooler-task = echo ran $SPOOL_A",
    "spooler-frequency = 3600",
  );
  const put = (...vars: string[]) => spooler(["push", "--dir", site.spool, "--create", ...vars]);
  await put("a=before");
  await put("a=urgent", "--priority", "3");
  const args = ["run", "--quiet", "--no-prompt", ...PERMISSIONS, MAIN, "--ini", site.ini];
  await using program = Program.launch(Deno.execPath(), args);
  await program.line(/ran before$/);
  await program.line(/ran urgent$/);
  // No poll comes: Deno's own watcher reports it.
  await put("a=after");
  await program.line(/ran after$/);
  await put("ud_spool_func=bad");
  await program.line(/ given up, kept in failed\/: exit code 65/);
  assertEquals(await program.stop(), 0);

  const warnings = program.log.split("\n").filter((line) => line.includes("no file locks"));
  assertEquals(warnings.length, 1);
  assertMatch(warnings[0] ?? "", /no other program may work on these/);
  const left = [...Deno.readDirSync(join(site.spool, ".spooler/running"))];
  assertEquals(left.map(({ name }) => name), []);
});
