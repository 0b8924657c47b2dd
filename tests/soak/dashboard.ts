/**
 * A dashboard that is open for an hour: all its pages reload themselves as often as their script does, a
 * Prometheus scrapes, 100 readers follow the output of a running task, and others read nothing of what
 * they ask for. What the program holds afterwards is compared with what it held before.
 *
 *     deno task test:dashboard [--hours 1] [--speed 12]
 *
 * At a speed of 12 the hour takes five minutes, with as many requests and lines; --speed 1 takes an hour.
 */

import { parseArgs } from "@std/cli";
import { monitorAddress } from "../support/monitor.ts";
import { executable } from "../support/program.ts";
import { makeSite } from "../support/site.ts";
import { writeTask } from "../support/task_files.ts";
import { pause } from "../support/until.ts";
import { FIGURES, type Footprint, footprintOf, leastOf, textOfFootprint } from "./footprint.ts";

const { hours = "1", speed = "12" } = parseArgs(Deno.args, { string: ["hours", "speed"] });
const SECONDS = Math.round(Number(hours) * 3600);
const SPEED = Number(speed);
const WARM_UP = Math.min(600, SECONDS / 2);
const READERS = 100;
const DEAF = 20;
/** Seconds in which garbage is collected of what has gone. */
const SAMPLES = 60;
const MAY_GROW: Footprint = {
  memoryMiB: 16,
  descriptors: 2,
  children: 0,
  threads: 2,
  childrenMiB: 16,
};

const NAME = "uwsgi_spoolfile_on_h_1_1_1_1700000000_000001";

/** What an open page gets again, and a Prometheus, and a load balancer: each so many seconds. */
const POLLS: readonly (readonly [path: string, seconds: number])[] = [
  ["/", 4],
  ["/tasks", 10],
  ["/tasks?state=failed&q=x", 10],
  ["/history", 10],
  ["/schedules", 10],
  ["/schedules/often", 5],
  ["/workers", 4],
  ["/targets", 10],
  [`/tasks/spool/${NAME}`, 5],
  ["/api/overview", 10],
  ["/metrics", 15],
  ["/healthz", 5],
];

await using site = await makeSite(
  ...["http-socket = 127.0.0.1:0", "spooler-output = all", "spooler-processes = 2"],
  ...["spooler-forward = out 127.0.0.1:9", "cron2 = minute=-1,name=often echo hello"],
  "spooler-task = name=say while test ! -e go; do sleep 0.05; done; " +
    `i=0; while :; do i=$((i+1)); echo line $i; sleep ${1 / SPEED}; done`,
  "spooler-task = true",
);
for (let n = 10; n < 60; n++) {
  const name = `uwsgi_spoolfile_on_h_1_${n}_1_1700000000_000001`;
  await writeTask(`${site.spool}/failed`, name, { ud_spool_func: "thumbnail", n: String(n) });
}
await writeTask(site.spool, NAME, { ud_spool_func: "say" });
await using program = await site.start();
const address = await monitorAddress(program, "http");
const base = `http://${address}`;
console.log(`${executable ?? "source"}: ${SECONDS} s in ${Math.round(SECONDS / SPEED)} s`);

async function get(path: string): Promise<void> {
  const response = await fetch(base + path);
  await response.body?.pipeTo(new WritableStream());
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
}

async function footprint(): Promise<Footprint> {
  const samples: Footprint[] = [];
  for (let i = 0; i < SAMPLES; i++) {
    samples.push(footprintOf(program.pid));
    await pause(1000);
  }
  return leastOf(samples);
}

/** Reads a stream of output; knows the number of its last line. */
class Reader {
  last = 0;
  #reader: ReadableStreamDefaultReader<string> | null = null;

  constructor() {
    this.#read().catch(() => {});
  }

  async #read(): Promise<void> {
    const { body } = await fetch(`${base}/output/spool/${NAME}`);
    this.#reader = body?.pipeThrough(new TextDecoderStream()).getReader() ?? null;
    while (this.#reader !== null) {
      const { done, value } = await this.#reader.read();
      if (done) return;
      for (const [, number] of value.matchAll(/^id: (\d+)$/gm)) this.last = Number(number);
    }
  }

  close(): void {
    this.#reader?.cancel().catch(() => {});
  }
}

/** Asks again and again and reads nothing, until the program hangs up. */
class Deaf {
  dropped = 0;
  #connection: Deno.Conn | null = null;
  #isOver = false;

  constructor() {
    void this.#ask();
  }

  async #ask(): Promise<void> {
    const [hostname = "", port] = address.split(":");
    const one = "GET /history HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
    const requests = new TextEncoder().encode(one.repeat(500));
    while (!this.#isOver) {
      this.#connection = await Deno.connect({ hostname, port: Number(port) });
      try {
        while (true) await this.#connection.write(requests);
      } catch {
        if (!this.#isOver) this.dropped++;
      }
    }
  }

  /** What it writes may never be taken: nobody waits for that. */
  close(): void {
    this.#isOver = true;
    this.#connection?.close();
  }
}

/** So many seconds of an open dashboard. */
async function open(seconds: number): Promise<void> {
  let requests = 0;
  const startedAt = performance.now();
  const polling = POLLS.map(async ([path, every]) => {
    for (let at = 0; at < seconds; at += every) {
      await get(path);
      requests++;
      await pause(Math.max(0, startedAt + 1000 * (at + every) / SPEED - performance.now()));
    }
  });
  await Promise.all(polling);
  console.log(`${requests} requests`);
}

/** With all its readers and those that read nothing. @returns where the readers are, and who was hung up on */
async function period(seconds: number): Promise<{ lasts: number[]; dropped: number }> {
  const readers = Array.from({ length: READERS }, () => new Reader());
  const crowd = Array.from({ length: DEAF }, () => new Deaf());
  await open(seconds);
  console.log(`during: ${textOfFootprint(footprintOf(program.pid))}`);
  const lasts = readers.map(({ last }) => last);
  const dropped = crowd.reduce((sum, each) => sum + each.dropped, 0);
  for (const each of [...readers, ...crowd]) each.close();
  await pause(2000);
  return { lasts, dropped };
}

await Deno.writeTextFile(`${site.dir}/go`, "");
// What is loaded, compiled and cached at first is no leak.
await period(WARM_UP);
const before = await footprint();
console.log(`before: ${textOfFootprint(before)}`);
const { lasts, dropped } = await period(SECONDS);
const after = await footprint();
console.log(`after:  ${textOfFootprint(after)}`);
console.log(`${READERS} readers at line ${Math.min(...lasts)} to ${Math.max(...lasts)}`);
console.log(`${dropped} times one that reads nothing was hung up on`);

const problems = FIGURES.filter((figure) => after[figure] > before[figure] + MAY_GROW[figure])
  .map((figure) => `${figure} has grown from ${before[figure]} to ${after[figure]}`);
if (Math.min(...lasts) === 0) problems.push("a reader got nothing");
if (dropped === 0 && SECONDS / SPEED > 20) problems.push("who reads nothing was not hung up on");
for (const problem of problems) console.log(problem);
const code = await program.stop();
if (code !== 0) console.log(`it ended with exit code ${code}`);
// What was never taken may hold this process back.
Deno.exit(problems.length > 0 || code !== 0 ? 1 : 0);
