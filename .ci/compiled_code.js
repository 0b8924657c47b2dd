/**
 * Runs what the program mostly does, and writes the code that V8 has compiled for it, a file for each piece
 * in the directory of the first argument. Compiled with the same denort and flags as the executable: V8 takes
 * code for no others.
 */

import { load, watching } from "./load_pieces.js";

/** A start takes a tenth of a second. */
const PATIENCE_MS = 30_000;

const [dir] = Deno.args;
const site = Deno.makeTempDirSync();
const ini = `${site}/site.ini`;
const socket = `${site}/socket`;
const lines = ["[uwsgi]", "spooler = spool", "spooler-task = :", `socket = ${socket}`, ""];
const scripts = new Map();
watching.made = (name, script) => scripts.set(name, script);

/** The program from its start until it listens, and its end. */
async function startAndStop() {
  const ended = main(["--ini", ini, "--logto", `${site}/log`]);
  const since = Date.now();
  while (!Deno.readTextFileSync(`${site}/log`).includes(" ready\n")) {
    if (Date.now() - since > PATIENCE_MS) throw new Error("the program is not ready");
    await pause();
  }
  Deno.kill(Deno.pid, "SIGTERM");
  await ended;
}

const pause = () => new Promise((resolve) => setTimeout(resolve, 10));
const { main } = load("./program.js");
try {
  Deno.writeTextFileSync(ini, lines.join("\n"));
  Deno.writeTextFileSync(`${site}/log`, "");
  await startAndStop();
  await main(["push", "--ini", ini, "ud_spool_func=f"]);
  await main(["list", "--ini", ini]);
  await main(["check", ini]);
} finally {
  Deno.removeSync(site, { recursive: true });
}
for (const [name, script] of scripts) {
  Deno.writeFileSync(`${dir}/${name}`, script.createCachedData());
}
Deno.exit(0);
