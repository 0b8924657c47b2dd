import { join } from "@std/path";
import { VERSION } from "../../src/platform/version.ts";
import { assertEquals, assertMatch } from "../support/assert.ts";
import { PATIENCE_MS } from "../support/program.ts";
import { makeSite, portIn } from "../support/site.ts";
import { BUN, testWith, TYPESCRIPT } from "../support/require.ts";
import { tempDir } from "../support/temp.ts";

const root = new URL("../../", import.meta.url).pathname;
const LISTENS = / socket \S+:\d+$/;

async function run(cwd: string, command: string, ...args: string[]) {
  const signal = AbortSignal.timeout(4 * PATIENCE_MS);
  const ran = await new Deno.Command(command, { args, cwd, signal, stdin: "null" }).output();
  const [stdout, stderr] = [ran.stdout, ran.stderr].map((each) => new TextDecoder().decode(each));
  return { code: ran.code, text: `${stdout}${stderr}` };
}

/** As a person would write it. */
const SCRIPT = `
import { connect, Spool, task } from "spooler/client";

const [dir, address] = process.argv.slice(2);
const sendMail = task("send_mail");
const spool = new Spool(dir);
const name = await spool.put(sendMail, { to: "ann", user: { id: 1 } });
console.log((await spool.wait(name, { signal: AbortSignal.timeout(100_000) })).state);
const bad = await spool.put("bad");
const end = await spool.wait(bad, { signal: AbortSignal.timeout(100_000) });
console.log(end.state, end.reason);
const hub = connect(address);
await hub.putMany(Array.from({ length: 50 }, (_, n) => ({ task: "count", keys: { n } })));
await hub.put("count", {}, { body: "x".repeat(100_000) });

const { runTask } = await import("spooler/testing");
const { count } = await import("./tasks.mjs");
console.log((await runTask(count, { n: 2 })).log.join());
`;

const TASKS = `
uwsgi.timer(60, function beat() {});
export function count(vars, body, { json, log }) {
  log(2 * json.n);
}
`;

const TYPED = `
import { connect, Spool, type TaskStatus, task } from "spooler/client";

const sendMail = task<{ to: string }>("send_mail");
export async function put(): Promise<TaskStatus> {
  const spool = new Spool("/var/spool/site");
  await using hub = connect("tls://hub:3031", { secret: "a long secret" });
  await hub.put(sendMail, { to: "ann" }, { at: new Date(), spooler: "other" });
  return await spool.status(await spool.put(sendMail, { to: "ann" }, { priority: 1 }));
}
export const send_mail = sendMail.handler(({ to }) => to.length);
`;

/** It must not compile, for this reason alone. */
const WRONG = TYPED.replace(
  'put(sendMail, { to: "ann" }, { priority',
  "put(sendMail, { to: 1 }, { priority",
);

/** Where a program has the package installed. */
async function installedPackage() {
  const built = await run(root, Deno.execPath(), "task", "package:npm");
  assertEquals(built.code, 0, built.text);
  const temp = await tempDir();
  await Deno.writeTextFile(
    join(temp.path, "package.json"),
    '{ "type": "module", "private": true }',
  );
  const tarball = `${root}dist/release/spooler-${VERSION}.tgz`;
  const installed = await run(temp.path, "npm", "install", "--offline", "--no-audit", tarball);
  assertEquals(installed.code, 0, installed.text);
  return temp;
}

/** The script does all it has to, by this command. */
async function assertPuts(dir: string, command: string, ...args: string[]): Promise<void> {
  await using site = await makeSite(
    "socket = 127.0.0.1:0",
    "spooler-processes = 4",
    `spooler-task = name=send_mail test "$SPOOL_TO$SPOOL_USER" = 'ann{"id":1}'`,
    "spooler-task = name=bad exit 65",
    "spooler-task = name=count true",
  );
  await using program = await site.start();
  const port = portIn(await program.line(LISTENS));
  await Deno.writeTextFile(join(dir, "put.mjs"), SCRIPT);
  await Deno.writeTextFile(join(dir, "tasks.mjs"), TASKS);
  const ran = await run(dir, command, ...args, "put.mjs", site.spool, `127.0.0.1:${port}`);
  assertEquals(ran, { code: 0, text: "done\nfailed exit code 65\n4\n" });
  await program.line(/count \S+ done/, 51);
  assertEquals(await program.stop(), 0);
}

testWith(["npm", "bun"], "the npm package puts tasks from Bun", async () => {
  await using temp = await installedPackage();
  await assertPuts(temp.path, "npx", "-y", BUN);
});

testWith("npm", "the npm package puts tasks from Node, and its types hold", async () => {
  await using temp = await installedPackage();
  const at = (name: string) => join(temp.path, name);
  await assertPuts(temp.path, "node");

  await Deno.writeTextFile(at("typed.ts"), TYPED);
  await Deno.writeTextFile(at("wrong.ts"), WRONG);
  const flags = ["--noEmit", "--strict", "--module", "nodenext", "--target", "es2022"];
  const compile = (file: string) =>
    run(temp.path, "npx", "-y", "-p", TYPESCRIPT, "tsc", ...flags, file);
  assertEquals(await compile("typed.ts"), { code: 0, text: "" });
  const wrong = await compile("wrong.ts");
  assertEquals(wrong.code, 2);
  assertMatch(wrong.text, /^wrong\.ts\(9,\d+\): error TS2769: (.|\n)*number. is not assignable/);
  assertEquals(wrong.text.match(/error TS/g)?.length, 1, wrong.text);
});
