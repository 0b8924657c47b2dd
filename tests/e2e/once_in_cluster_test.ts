/** Jobs of several programs that agree, through a real nats-server, on who runs what. */

import { join } from "@std/path";
import { assertEquals } from "../support/assert.ts";
import { NatsServer } from "../support/nats.ts";
import { Program, programLabel } from "../support/program.ts";
import { testWith } from "../support/require.ts";
import { tempDir } from "../support/temp.ts";
import { until } from "../support/until.ts";

const test = (name: string, body: () => Promise<void>) =>
  testWith("nats", `${programLabel}: ${name}`, body);

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const JOBS = Array.from({ length: 50 }, (_, i) => i);
const NODES = ["a", "b", "c"];

test("50 commands and 50 tasks of three programs happen once each, though no server is there when they are due", async () => {
  await using temp = await tempDir();
  await using server = await NatsServer.start();
  await server.create("jobs");
  await server.kill();
  // A slot that each of them has missed, and makes up when it starts.
  const slot = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS - 5 * MINUTE_MS;
  const [day, minute] = [new Date(slot), `tz=UTC,catchup=2h,once=cluster`];
  const at = `minute=${day.getUTCMinutes()},hour=${day.getUTCHours()},${minute}`;
  const file = join(temp.path, "ran");
  const inis = await Promise.all(NODES.map(async (node) => {
    const dir = join(temp.path, node);
    await Deno.mkdir(dir);
    const ini = join(dir, "site.ini");
    await Deno.writeTextFile(
      ini,
      [
        "[uwsgi]",
        `spooler-forward = out ${server.address("jobs")}`,
        "cron-state = state",
        ...JOBS.map((i) => `cron2 = name=c${i},${at} echo $SPOOLER_JOB $SPOOLER_SLOT >> ${file}`),
        ...JOBS.map((i) => `cron2 = name=t${i},${at},spool=note n=${i}`),
        "",
      ].join("\n"),
    );
    const names = JOBS.flatMap((i) => [`c${i}`, `t${i}`]);
    const record = { slotAt: slot - DAY_MS, boot: "", run: null };
    const jobs = Object.fromEntries(names.map((name) => [name, { name, ...record }]));
    await Deno.writeTextFile(join(dir, "state"), JSON.stringify({ version: 1, jobs }));
    return ini;
  }));
  const programs = await Promise.all(inis.map((ini) => Program.start(["--ini", ini])));
  await using ends = new AsyncDisposableStack();
  for (const program of programs) ends.use(program);
  for (const program of programs) await program.line(/ waits: nobody can say which machine runs/);
  await server.start();
  for (const program of programs) await program.line(/: note \S+ done| note \S+ done/, JOBS.length);
  const ran = async () => (await Deno.readTextFile(file).catch(() => "")).trim().split("\n");
  await until(async () => (await ran()).length >= JOBS.length, "all commands have run");
  // A stop waits for what was claimed.
  assertEquals(await Promise.all(programs.map((program) => program.stop())), NODES.map(() => 0));
  const want = JOBS.map((i) => `c${i} ${new Date(slot).toISOString()}`).sort();
  assertEquals((await ran()).sort(), want);
  const messages = await server.messages("jobs");
  const ids = messages.map(({ id }) => id).sort();
  assertEquals(ids, JOBS.map((i) => `t${i}:${slot}`).sort());
});
