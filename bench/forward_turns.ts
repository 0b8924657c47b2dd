/**
 * Whether a backlog drains at the receiver's own speed, on a disk that is three times as fast at one
 * moment as at the next: the forwarder, and a client that makes its tasks up, bring tasks to the same
 * receiver by turns, a second each, until the backlog is empty. Who has no turn is stopped (SIGSTOP).
 *
 *     deno run -A bench/forward_turns.ts [--tasks=100000] [--runs=3] [--connections=1]
 *
 * The receiver is this program with a durable spool through which nobody works. TMPDIR says which file
 * system is used, and BACKLOG_TMPDIR which one by the sender, when it is to be another. With PINNED set
 * each side has a core of its own.
 */

import { resultOf, startSender } from "./forward_once.ts";
import { makePlaces, startReceiver } from "./forward_receiver.ts";
import { median, numberArg, printTable, whole } from "./table.ts";

const tasks = numberArg("tasks", 100_000);
const runs = numberArg("runs", 3);
const connections = numberArg("connections", 1);
const TURN_MS = 1000;
/** More than are sent: the client ends on a signal. */
const ENDLESS = 1e9;

interface Rates {
  readonly memory: number;
  readonly backlog: number;
}

/** A process that works only while it has its turn. */
class Sender {
  readonly #child: Deno.ChildProcess;
  readonly #ended: Promise<unknown>;
  #isOver = false;
  #activeMs = 0;

  constructor(port: number, count: number, from: string) {
    this.#child = startSender(String(port), String(count), String(connections), from);
    this.#child.kill("SIGSTOP");
    this.#ended = this.#child.status.then(() => this.#isOver = true);
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  async turn(): Promise<void> {
    const startedAt = performance.now();
    this.#child.kill("SIGCONT");
    const end = Promise.withResolvers<void>();
    const timer = setTimeout(end.resolve, TURN_MS);
    await Promise.race([end.promise, this.#ended]);
    clearTimeout(timer);
    if (!this.#isOver) this.#child.kill("SIGSTOP");
    this.#activeMs += performance.now() - startedAt;
  }

  /** Tasks a second of its own time, when it has ended by itself or is to end now. */
  async rate(): Promise<number> {
    if (!this.#isOver) {
      this.#child.kill("SIGTERM");
      this.#child.kill("SIGCONT");
    }
    const { tasks } = await resultOf(this.#child);
    return 1000 * tasks / this.#activeMs;
  }
}

async function measure(): Promise<Rates> {
  await using places = await makePlaces(tasks);
  const { child, port } = await startReceiver(places.hub);
  const backlog = new Sender(port, tasks, places.out);
  const memory = new Sender(port, ENDLESS, "-");
  while (!backlog.isOver) {
    await backlog.turn();
    await memory.turn();
  }
  const rates = { memory: await memory.rate(), backlog: await backlog.rate() };
  console.error(`memory ${whole(rates.memory)}, backlog ${whole(rates.backlog)} tasks/s`);
  child.kill("SIGTERM");
  await child.status;
  return rates;
}

const all: Rates[] = [];
for (let run = 0; run < runs; run++) all.push(await measure());
const ratios = all.map(({ memory, backlog }) => backlog / memory);
printTable([
  [
    `${tasks} tasks, connections: ${connections}`,
    "tasks/s",
    "to the receiver's",
    "lowest",
    "highest",
  ],
  ["from memory", whole(median(all.map(({ memory }) => memory))), "1.00", "", ""],
  [
    "from a backlog",
    whole(median(all.map(({ backlog }) => backlog))),
    median(ratios).toFixed(2),
    Math.min(...ratios).toFixed(2),
    Math.max(...ratios).toFixed(2),
  ],
]);
