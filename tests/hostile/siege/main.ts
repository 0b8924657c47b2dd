/**
 * `deno task test:siege`: attacks the program, one attack after the other and then all together,
 * kills it again and again, and fails when a bound is broken. Takes SPOOLER_SIEGE seconds, 1,800
 * when that is not set; SPOOLER_EXECUTABLE names the program, as for every test. SPOOLER_SIEGE_ONLY
 * names the attacks to play, by a part of their names, and SPOOLER_SIEGE_PARTS what is done: some of
 * `control single together kills`.
 *
 * First comes a control: the same clients and attackers, with a server that does next to nothing. What
 * the clients wait there is the machine's share.
 */

import { pause } from "../../support/until.ts";
import { freePort } from "../../support/port.ts";
import { tempDir } from "../../support/temp.ts";
import { ATTACKS } from "./attacks.ts";
import { ClientProcess } from "./client_process.ts";
import { p99 } from "./clients.ts";
import { SignedPair } from "./signed.ts";
import { type Address, MIB, Target } from "./target.ts";

const SECONDS = Number(Deno.env.get("SPOOLER_SIEGE") ?? "1800");

/** What must hold through all of it. */
const BOUNDS = {
  memory: 150 * MIB,
  /** Of the clients' p99, against the quiet time before; a quiet p99 below this counts as this. */
  slowdown: 10,
  quietMs: 5,
  logBytesPerSecond: 4096,
  lost: 0,
} as const;

/** Shares of the whole time. */
const QUIET = 0.06;
const CONTROL = 0.06;
const SINGLE = 0.48;
const TOGETHER = 0.22;
const KILLING = 0.18;
const KILL_EVERY_MS = 4000;
/** Tasks that run at the moment of a kill, at most, and the batches that their workers hold. */
const RUNNING_AT_A_KILL = 2;

/** SPOOLER_SIEGE_ONLY and SPOOLER_SIEGE_PARTS. */
const only = Deno.env.get("SPOOLER_SIEGE_ONLY") ?? "";
const parts = Deno.env.get("SPOOLER_SIEGE_PARTS") ?? "control single together kills";
const numbers = ATTACKS.flatMap(({ name }, number) => name.includes(only) ? [number] : []);

const broken: string[] = [];
let checked = 0;

/** @param isGood null is a figure without a bound */
function figure(name: string, text: string, isGood: boolean | null = null): void {
  const mark = isGood === null ? "      " : isGood ? "ok    " : "FAILED";
  console.log(`${mark} ${name.padEnd(52)} ${text}`);
  if (isGood !== null) checked++;
  if (isGood === false) broken.push(name);
}

/**
 * Attacks that go on until they are stopped. They get the time that is left of the processors: attackers
 * have machines of their own, and what they compute is no delay of the program.
 */
class Attackers {
  readonly #children: Deno.ChildProcess[];

  constructor(numbers: readonly number[], address: Address) {
    const script = new URL("attacker.ts", import.meta.url).pathname;
    this.#children = numbers.map((number) =>
      new Deno.Command("nice", {
        args: [
          "-n",
          "19",
          Deno.execPath(),
          "run",
          "--quiet",
          "-A",
          script,
          String(number),
          JSON.stringify(address),
        ],
        stdin: "piped",
        stdout: "piped",
        stderr: "inherit",
      }).spawn()
    );
  }

  /** @returns how many streams were played */
  async stop(): Promise<number> {
    let streams = 0;
    for (const child of this.#children) {
      await child.stdin.close().catch(() => {});
      streams += Number(new TextDecoder().decode((await child.output()).stdout));
    }
    return streams;
  }
}

const mib = (bytes: number) => `${Math.round(bytes / MIB)} MiB`;
const ms = (value: number) => `${value.toFixed(1)} ms`;

/** What the clients wait for a server that does next to nothing, under all attackers. */
async function control(dir: string, address: Address): Promise<void> {
  const ports = Array.from({ length: 5 }, () => freePort());
  const [own = 0, port = 0, tlsPort = 0, signedPort = 0, httpPort = 0] = ports;
  const script = new URL("idle_server.ts", import.meta.url).pathname;
  const server = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", script, `${dir}/control`, ...ports.map(String)],
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  await server.stdout.getReader().read();
  const clients = new ClientProcess(own);
  await pause(1000);
  await clients.take();
  await pause(SECONDS * QUIET * 1000);
  const quiet = await clients.take();
  const attackers = new Attackers(numbers, { ...address, port, tlsPort, signedPort, httpPort });
  await pause(SECONDS * CONTROL * 1000);
  const count = await attackers.stop();
  const attacked = await clients.take();
  await clients.stop();
  server.kill("SIGKILL");
  await server.status;
  figure("control: quiet", `p99 ${ms(p99(quiet))}, ${quiet.length} tasks`);
  const all = `p99 ${ms(p99(attacked))}, ${attacked.length} tasks, ${count} streams`;
  figure("control: all together", all);
}

await using temp = await tempDir();
await using pair = await SignedPair.prepare(temp.path);
await using target = await Target.prepare(temp.path, pair.receiverPort);
if (parts.includes("control")) await control(temp.path, target.address);
await target.start();
await pair.start();
const clients = new ClientProcess(target.address.port);
let peak = 0;
let streams = 0;
let kills = 0;
const sampling = setInterval(() => peak = Math.max(peak, target.memory()), 100);
const startedAt = Date.now();

await pause(1000);
await clients.take();
await pause(SECONDS * QUIET * 1000);
const quiet = await clients.take();
const limit = BOUNDS.slowdown * Math.max(BOUNDS.quietMs, p99(quiet));
figure("quiet", `p99 ${ms(p99(quiet))}, ${mib(target.memory())}, ${quiet.length} tasks`);
figure("bounds", `p99 ${ms(limit)}, ${mib(BOUNDS.memory)}`);

/** Under these attacks for so long. */
async function endure(name: string, numbers: readonly number[], seconds: number): Promise<void> {
  peak = 0;
  await clients.take();
  const attackers = new Attackers(numbers, target.address);
  await pause(seconds * 1000);
  const count = await attackers.stop();
  streams += count;
  const latencies = await clients.take();
  const slow = p99(latencies);
  const isGood = peak <= BOUNDS.memory && slow <= limit && latencies.length > 0;
  const all = `p99 ${ms(slow)}, ${mib(peak)}, ${latencies.length} tasks, ${count} streams`;
  figure(name, all, isGood);
}

if (parts.includes("single")) {
  for (const number of numbers) {
    await endure(ATTACKS[number]?.name ?? "", [number], SECONDS * SINGLE / numbers.length);
  }
}
if (parts.includes("together")) await endure("all together", numbers, SECONDS * TOGETHER);

if (parts.includes("kills")) {
  const attackers = new Attackers(numbers, target.address);
  for (const endAt = Date.now() + SECONDS * KILLING * 1000; Date.now() < endAt;) {
    await pause(KILL_EVERY_MS);
    await target.kill();
    kills++;
    await target.start();
    await pair.killOne();
  }
  streams += await attackers.stop();
}
await clients.stop();
clearInterval(sampling);

/** What was accepted runs, if late: the attackers' tasks are before it. */
const isDone = () => {
  const ran = target.ran();
  return [...clients.accepted].every((n) => ran.has(n));
};
for (let waited = 0; !isDone() && waited < 60; waited++) await pause(1000);
const ran = target.ran();
const lost = [...clients.accepted].filter((n) => !ran.has(n));
const doubled = [...clients.accepted].filter((n) => (ran.get(n) ?? 0) > 1);
const logBytes = Deno.statSync(target.logPath).size;
const signed = await pair.end();
const seconds = (Date.now() - startedAt) / 1000;
const code = await target.stop();
await pair[Symbol.asyncDispose]();
// The end of the process leaves it, and bodies of gigabytes in it.
await temp[Symbol.asyncDispose]();

figure("kills", String(kills));
figure("streams", String(streams));
figure("accepted", String(clients.accepted.size));
figure("deliveries that got no yes", String(clients.failures));
figure("refused for a minute", String(clients.refusedLong), clients.refusedLong === 0);
figure("lost", String(lost.length), lost.length <= BOUNDS.lost);
figure("doubled", String(doubled.length), doubled.length <= kills * RUNNING_AT_A_KILL);
figure("signed: tricks of the man in the middle", String(signed.tricks), signed.tricks > 0);
figure("signed: accepted", String(signed.accepted), signed.accepted > 0);
figure("signed: lost", String(signed.lost), signed.lost <= BOUNDS.lost);
figure("signed: doubled", String(signed.doubled), signed.doubled <= kills);
figure("log bytes", String(logBytes), logBytes <= BOUNDS.logBytesPerSecond * seconds);
figure("exit code", String(code), code === 0);
const result = broken.length === 0 ? "PASS" : `FAIL: ${broken.join("; ")}`;
console.log(`\n${checked - broken.length} of ${checked} within their bounds. ${result}`);
Deno.exit(broken.length === 0 ? 0 : 1);
