/**
 * A long run under a mixed load: tasks over the network, by push, in TypeScript, in Python and as
 * commands, some of which fail; a job each second; a reload each 20 s. What the program holds at the end
 * is compared with what it held after its first minute, both times with nothing to do.
 *
 *     deno task test:soak --minutes 10
 */

import { textOf } from "../../src/platform/quietly.ts";
import { parseArgs } from "@std/cli";
import { join } from "@std/path";
import { encodePacket, KEEP_OPEN, MODIFIER_SPOOL } from "../../src/wire/packet.ts";
import {
  FIGURES,
  type Footprint,
  footprintOf,
  leastOf,
  MAY_GROW,
  textOfFootprint,
} from "./footprint.ts";
import { commandLine, executable, Program, spooler } from "../support/program.ts";
import { makeSite, portIn } from "../support/site.ts";
import { varsOf } from "../support/store.ts";
import { pause, until } from "../support/until.ts";

const { minutes = "10" } = parseArgs(Deno.args, { string: ["minutes"] });
const TOTAL_MS = Number(minutes) * 60_000;
/** What is loaded, compiled and cached at first is no leak. */
const WARM_UP_MS = Math.min(60_000, TOTAL_MS / 3);
const RELOAD_MS = 20_000;
const CLIENTS = 6;
const CLIENT_PAUSE_MS = 400;
const PUSH_PAUSE_MS = 2000;
const DRAIN_PATIENCE_MS = 180_000;
const SAMPLES = 8;

const TYPESCRIPT = `
export async function ts_good(vars: Record<string, string>) {
  console.log("typescript", vars.n);
  await new Promise((resolve) => setTimeout(resolve, 20));
}
export function ts_bad() { throw new Error("as it should"); }
`;

const PYTHON = `
from uwsgidecorators import spool, timer
@spool
def py_good(env):
    print("python", env.get("n"))
@spool
def py_bad(env):
    raise ValueError("as it should")
@timer(2)
def beat(signal):
    print("beat")
`;

const FUNCTIONS = [
  ...["command", "ts_good", "py_good", "command", "ts_good", "py_good"],
  ...["ts_bad", "py_bad", "bad", "hopeless", "slow", "background"],
];

/** Sends tasks while there is load; half of all keep their connections. */
async function send(port: number, client: number, end: AbortSignal): Promise<number> {
  let connection: Deno.Conn | null = null;
  let sent = 0;
  const keeps = client % 2 === 0;
  while (!end.aborted) {
    connection ??= await Deno.connect({ port });
    const func = FUNCTIONS[(sent + client) % FUNCTIONS.length] ?? "command";
    const vars = varsOf({ ud_spool_func: func, n: String(sent) });
    await connection.write(encodePacket(vars, MODIFIER_SPOOL, keeps ? KEEP_OPEN : 0));
    if (await connection.read(new Uint8Array(4)) !== 4) {
      throw new Error(`client ${client}: no answer`);
    }
    sent++;
    if (!keeps) {
      connection.close();
      connection = null;
    }
    await pause(CLIENT_PAUSE_MS);
  }
  connection?.close();
  return sent;
}

async function push(dir: string, end: AbortSignal): Promise<number> {
  let pushed = 0;
  while (!end.aborted) {
    const body = "x".repeat(50_000);
    const { code, stderr } = await spooler(["push", "--dir", dir, "ud_spool_func=command"], body);
    if (code !== 0) throw new Error(stderr);
    pushed++;
    await pause(PUSH_PAUSE_MS);
  }
  return pushed;
}

async function reload(program: Program, log: () => string, end: AbortSignal): Promise<number> {
  let reloads = 0;
  while (!end.aborted) {
    await pause(RELOAD_MS);
    if (end.aborted) break;
    program.signal("SIGHUP");
    reloads++;
    if (/no reload|cannot start|unexpected error/.test(log())) throw new Error(log());
  }
  return reloads;
}

await using site = await makeSite(
  "socket = 127.0.0.1:0",
  "socket = in.sock",
  "spooler-processes = 3",
  "spooler-frequency = 1",
  "spooler-retry-delay = 1",
  "spooler-max-retries = 2",
  "spooler-failed-max-age = 20s",
  "spooler-on-failure = echo gave up $SPOOLER_TASK",
  "spooler-import = tasks.ts",
  "spooler-import = tasks.py",
  "spooler-task = name=command cat > /dev/null; echo done",
  "spooler-task = name=bad exit 1",
  "spooler-task = name=hopeless exit 65",
  "spooler-task = name=slow sleep 0.5",
  "spooler-task = name=background (sleep 1; echo late) & echo begun",
  "timer2 = every=1s,name=each-second echo tick",
  "cron2 = minute=*,name=each-minute echo minute",
  "timer2 = every=5s,name=fails exit 1",
  "logger = file:log",
  "log-level = info",
);
await Deno.writeTextFile(join(site.dir, "tasks.ts"), TYPESCRIPT);
await Deno.writeTextFile(join(site.dir, "tasks.py"), PYTHON);
const log = () => textOf(join(site.dir, "log")) ?? "";
const [file, args] = commandLine(["--ini", site.ini]);
await using program = Program.launch("sh", [
  "-c",
  'exec "$@" 2> /dev/null',
  "sh",
  file,
  ...args,
]);
await until(() => / ready$/m.test(log()), "the start");
const port = portIn(/ socket (127\.0\.0\.1:\d+)$/m.exec(log())?.[1] ?? "");
console.log(`${executable ?? "source"}, ${minutes} minutes`);

/** Load for so long, then nothing, and what the program holds then. */
async function period(ms: number): Promise<Footprint> {
  const end = new AbortController();
  const timer = setTimeout(() => end.abort(), ms);
  const working = [
    ...Array.from({ length: CLIENTS }, (_, client) => send(port, client, end.signal)),
    push(site.spool, end.signal),
    reload(program, log, end.signal),
  ];
  const counts = await Promise.all(working).finally(() => {
    clearTimeout(timer);
    end.abort();
  });
  const [reloads = 0, pushed = 0] = counts.splice(-2).reverse();
  console.log(
    `${counts.reduce((sum, each) => sum + each)} sent, ${pushed} pushed, ${reloads} reloads`,
  );
  const isDrained = async () => {
    const { stdout } = await spooler(["list", "--dir", site.spool, "--json"]);
    await pause(1000);
    return stdout.trim() === "";
  };
  await until(isDrained, "every task is done or given up, and forgotten", DRAIN_PATIENCE_MS);
  const samples: Footprint[] = [];
  for (let i = 0; i < SAMPLES; i++) {
    samples.push(footprintOf(program.pid));
    await pause(1000);
  }
  return leastOf(samples);
}

const before = await period(WARM_UP_MS);
console.log(`start: ${textOfFootprint(before)}`);
const after = await period(TOTAL_MS - WARM_UP_MS);
console.log(`end:   ${textOfFootprint(after)}`);
const exitCode = await program.stop();

const grown = FIGURES.filter((figure) => after[figure] > before[figure] + MAY_GROW[figure]);
for (const figure of grown) {
  console.log(`${figure} has grown from ${before[figure]} to ${after[figure]}`);
}
if (exitCode !== 0) console.log(`it ended with exit code ${exitCode}`);
const errors = log().match(/^.*(?:unexpected error|impossible state).*$/gm) ?? [];
for (const line of errors) console.log(line);
if (grown.length > 0 || exitCode !== 0 || errors.length > 0) Deno.exitCode = 1;
