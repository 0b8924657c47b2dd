/**
 * `deno task test:siege`: attacks the program, one attack after the other and then all together,
 * kills it again and again, and fails when a bound is broken. Takes SPOOLER_SIEGE seconds, 1,800
 * when that is not set; SPOOLER_EXECUTABLE names the program, as for every test.
 */

import { pause } from "../../support/until.ts";
import { tempDir } from "../../support/temp.ts";
import { ATTACKS } from "./attacks.ts";
import { Clients, p99 } from "./clients.ts";
import { SignedPair } from "./signed.ts";
import { MIB, Target } from "./target.ts";

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
const QUIET = 0.08;
const SINGLE = 0.5;
const TOGETHER = 0.22;
const KILLING = 0.2;
const KILL_EVERY_MS = 4000;
/** Tasks that run at the moment of a kill, at most, and the batches that their workers hold. */
const RUNNING_AT_A_KILL = 2;

const broken: string[] = [];

function figure(name: string, text: string, isGood = true): void {
  console.log(`${isGood ? "  " : "✗ "}${name.padEnd(52)} ${text}`);
  if (!isGood) broken.push(name);
}

/**
 * Attacks that go on until they are stopped. They get the time that is left of the processors: attackers
 * have machines of their own, and what they compute is no delay of the program.
 */
class Attackers {
  readonly #children: Deno.ChildProcess[];

  constructor(numbers: readonly number[], { address }: Target) {
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

await using temp = await tempDir();
await using pair = await SignedPair.prepare(temp.path);
await using target = await Target.prepare(temp.path, pair.receiverPort);
await target.start();
await pair.start();
const clients = new Clients(target.address);
let peak = 0;
let streams = 0;
let kills = 0;
const sampling = setInterval(() => peak = Math.max(peak, target.memory()), 100);
const mib = (bytes: number) => `${Math.round(bytes / MIB)} MiB`;
const ms = (value: number) => `${value.toFixed(1)} ms`;
const startedAt = Date.now();

await pause(1000);
clients.take();
await pause(SECONDS * QUIET * 1000);
const quiet = clients.take();
const limit = BOUNDS.slowdown * Math.max(BOUNDS.quietMs, p99(quiet));
figure("quiet", `p99 ${ms(p99(quiet))}, ${mib(target.memory())}, ${quiet.length} tasks`);

/** Under these attacks for so long. */
async function endure(name: string, numbers: readonly number[], seconds: number): Promise<void> {
  peak = 0;
  clients.take();
  const attackers = new Attackers(numbers, target);
  await pause(seconds * 1000);
  const count = await attackers.stop();
  streams += count;
  const latencies = clients.take();
  const slow = p99(latencies);
  const isGood = peak <= BOUNDS.memory && slow <= limit && latencies.length > 0;
  const all = `p99 ${ms(slow)}, ${mib(peak)}, ${latencies.length} tasks, ${count} streams`;
  figure(name, all, isGood);
}

/** SPOOLER_SIEGE_ONLY names the attacks to play, by a part of their names. */
const only = Deno.env.get("SPOOLER_SIEGE_ONLY") ?? "";
const numbers = ATTACKS.flatMap(({ name }, number) => name.includes(only) ? [number] : []);
for (const number of numbers) {
  await endure(ATTACKS[number]?.name ?? "", [number], SECONDS * SINGLE / numbers.length);
}
await endure("all together", numbers, SECONDS * TOGETHER);

const attackers = new Attackers(numbers, target);
for (const endAt = Date.now() + SECONDS * KILLING * 1000; Date.now() < endAt;) {
  await pause(KILL_EVERY_MS);
  await target.kill();
  kills++;
  await target.start();
  await pair.killOne();
}
streams += await attackers.stop();
await clients.stop();
clearInterval(sampling);

/** What was accepted runs, if late: the attackers' tasks are before it. */
const isDone = () => [...clients.accepted].every((n) => target.ran().has(n));
for (let waited = 0; !isDone() && waited < 60; waited++) await pause(1000);
const ran = target.ran();
const lost = [...clients.accepted].filter((n) => !ran.has(n));
const doubled = [...clients.accepted].filter((n) => (ran.get(n) ?? 0) > 1);
const logBytes = Deno.statSync(target.logPath).size;
const signed = await pair.end();
const seconds = (Date.now() - startedAt) / 1000;
const code = await target.stop();
await pair[Symbol.asyncDispose]();

figure("kills", String(kills));
figure("streams", String(streams));
figure("accepted", String(clients.accepted.size));
figure("deliveries that got no yes", String(clients.failures));
figure("lost", String(lost.length), lost.length <= BOUNDS.lost);
figure("doubled", String(doubled.length), doubled.length <= kills * RUNNING_AT_A_KILL);
figure("signed: tricks of the man in the middle", String(signed.tricks), signed.tricks > 0);
figure("signed: accepted", String(signed.accepted), signed.accepted > 0);
figure("signed: lost", String(signed.lost), signed.lost <= BOUNDS.lost);
figure("signed: doubled", String(signed.doubled), signed.doubled <= kills);
figure("log bytes", String(logBytes), logBytes <= BOUNDS.logBytesPerSecond * seconds);
figure("exit code", String(code), code === 0);
if (broken.length > 0) console.log(`\nbroken: ${broken.join("; ")}`);
Deno.exit(broken.length > 0 ? 1 : 0);
