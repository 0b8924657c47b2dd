/**
 * `deno task test:siege`: attacks the program, one attack after the other and then all together,
 * kills it again and again, and fails when a bound is broken. Takes SPOOLER_SIEGE seconds, 1,800
 * when that is not set; SPOOLER_EXECUTABLE names the program, as for every test. SPOOLER_SIEGE_ONLY
 * names the attacks to play, by a part of their names, and SPOOLER_SIEGE_PARTS what is done: some of
 * `control single together kills`.
 *
 * First comes a control: the same clients and attackers, with a server that does next to nothing. What
 * the clients wait there is the machine's share.
 *
 * It ends with its table whatever happens: attackers that die are replaced, a program that dies is started
 * again and counted, and what cannot go on fails. It has some 4 GiB on the disk at most (TMPDIR), and
 * leaves nothing there.
 */

import { reasonOf } from "../../../src/platform/reason.ts";
import { pause } from "../../support/until.ts";
import { freePort } from "../../support/port.ts";
import { tempDir } from "../../support/temp.ts";
import { Attackers } from "./attackers.ts";
import { ATTACKS } from "./attacks.ts";
import { ClientProcesses } from "./client_processes.ts";
import { p99 } from "./clients.ts";
import { Figures } from "./figures.ts";
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

const figures = new Figures();
/** What is to be ended and removed, whatever happens. */
const open = new AsyncDisposableStack();
let streams = 0;
let attackersDied = 0;

const mib = (bytes: number) => `${Math.round(bytes / MIB)} MiB`;
const ms = (value: number) => `${value.toFixed(1)} ms`;
const pauseShare = (share: number) => pause(SECONDS * share * 1000);

/** Plays these attacks while something goes on; returns how many streams that were. */
async function attack(
  numbers: readonly number[],
  address: Address,
  meanwhile: () => Promise<void>,
): Promise<number> {
  const attackers = open.use(new Attackers(numbers, address));
  await meanwhile();
  const count = await attackers.stop();
  attackersDied += attackers.deaths;
  return count;
}

/** What the clients wait for a server that does next to nothing, under all attackers. */
async function control(dir: string, address: Address): Promise<void> {
  const ports = Array.from({ length: 5 }, () => freePort());
  const [own = 0, port = 0, tlsPort = 0, signedPort = 0, httpPort = 0] = ports;
  const script = new URL("idle_server.ts", import.meta.url).pathname;
  const server = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", script, `${dir}/control`, ...ports.map(String)],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  await server.stdout.getReader().read();
  await using clients = new ClientProcesses(own);
  await pause(1000);
  await clients.take();
  await pauseShare(QUIET);
  const quiet = await clients.take();
  const attacked = { ...address, port, tlsPort, signedPort, httpPort };
  const count = await attack(numbers, attacked, () => pauseShare(CONTROL));
  const latencies = await clients.take();
  await clients.stop();
  server.kill("SIGKILL");
  await server.status;
  figures.add("control: quiet", `p99 ${ms(p99(quiet))}, ${quiet.length} tasks`);
  const all = `p99 ${ms(p99(latencies))}, ${latencies.length} tasks, ${count} streams`;
  figures.add("control: all together", all);
}

async function siege(): Promise<void> {
  const temp = await tempDir();
  const dir = temp.path;
  // What a killed program ran may still write there.
  open.defer(async () => {
    await pause(1000);
    await temp[Symbol.asyncDispose]();
  });
  const pair = open.use(await SignedPair.prepare(dir));
  const target = open.use(await Target.prepare(dir, pair.receiverPort));
  if (parts.includes("control")) await control(dir, target.address);
  await target.start();
  await pair.start();
  const clients = open.use(new ClientProcesses(target.address.port));
  let peak = 0;
  let kills = 0;
  const startedAt = Date.now();
  const sampling = setInterval(() => peak = Math.max(peak, target.peakMemory()), 100);
  open.defer(() => clearInterval(sampling));

  await pause(1000);
  await clients.take();
  await pauseShare(QUIET);
  const quiet = await clients.take();
  const limit = BOUNDS.slowdown * Math.max(BOUNDS.quietMs, p99(quiet));
  figures.add("quiet", `p99 ${ms(p99(quiet))}, ${mib(target.memory())}, ${quiet.length} tasks`);
  figures.add("bounds", `p99 ${ms(limit)}, ${mib(BOUNDS.memory)}`);
  const share = clients.areUrgent ? "no" : "yes: only root may have them run first";
  figures.add("clients wait for a core themselves", share);

  /** Under these attacks for a share of the time. */
  const endure = async (name: string, numbers: readonly number[], share: number) => {
    await clients.take();
    target.forgetPeak();
    peak = 0;
    const count = await attack(numbers, target.address, () => pauseShare(share));
    streams += count;
    const latencies = await clients.take();
    const slow = p99(latencies);
    const isGood = peak <= BOUNDS.memory && slow <= limit && latencies.length > 0;
    const all = `p99 ${ms(slow)}, ${mib(peak)}, ${latencies.length} tasks, ${count} streams`;
    figures.add(name, all, isGood);
  };
  if (parts.includes("single")) {
    for (const number of numbers) {
      await endure(ATTACKS[number]?.name ?? "", [number], SINGLE / numbers.length);
    }
  }
  if (parts.includes("together")) await endure("all together", numbers, TOGETHER);
  if (parts.includes("kills")) {
    target.forgetPeak();
    peak = 0;
    streams += await attack(numbers, target.address, async () => {
      for (const endAt = Date.now() + SECONDS * KILLING * 1000; Date.now() < endAt;) {
        await pause(KILL_EVERY_MS);
        await target.kill();
        kills++;
        target.removeGivenUp();
        await target.start();
        await pair.killOne();
      }
    });
    figures.add("kills: memory", mib(peak), peak <= BOUNDS.memory);
  }
  await clients.stop();

  // What was accepted runs, if late: the attackers' tasks are before it.
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

  figures.add("kills", String(kills));
  figures.add("streams", String(streams));
  figures.add("attackers that died", String(attackersDied));
  figures.add("accepted", String(clients.accepted.size));
  figures.add("deliveries that got no yes", String(clients.failures));
  figures.add("refused for a minute", String(clients.refusedLong), clients.refusedLong === 0);
  figures.add("lost", String(lost.length), lost.length <= BOUNDS.lost);
  figures.add("doubled", String(doubled.length), doubled.length <= kills * RUNNING_AT_A_KILL);
  figures.add("signed: tricks of the man in the middle", String(signed.tricks), signed.tricks > 0);
  figures.add("signed: accepted", String(signed.accepted), signed.accepted > 0);
  figures.add("signed: lost", String(signed.lost), signed.lost <= BOUNDS.lost);
  figures.add("signed: doubled", String(signed.doubled), signed.doubled <= kills);
  figures.add("log bytes", String(logBytes), logBytes <= BOUNDS.logBytesPerSecond * seconds);
  const deaths = target.deaths + pair.deaths;
  figures.add("programs that died by themselves", String(deaths), deaths === 0);
  figures.add("exit code", String(code), code === 0);
}

let isEnding = false;

/** Prints what was measured, and ends what runs; once. */
async function end(problem: string | null): Promise<void> {
  if (isEnding) return;
  isEnding = true;
  if (problem !== null) figures.add("the siege went to its end", problem, false);
  const code = figures.conclude();
  await open.disposeAsync().catch((error) => console.error(reasonOf(error)));
  Deno.exit(code);
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(signal, () => void end(`it was stopped by ${signal}`));
}
addEventListener("unhandledrejection", (event) => {
  event.preventDefault();
  void end(reasonOf(event.reason));
});
await end(await siege().then(() => null, reasonOf));
