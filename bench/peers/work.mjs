/** What the tasks of every queue in JavaScript do: as work.py. */

import { appendFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";

const directory = process.env.PEERS_DIR;
const total = Number(process.env.PEERS_TASKS);
let count = 0;

const now = () => (performance.timeOrigin + performance.now()) / 1000;
const note = (name, text) => appendFileSync(join(directory, name), `${text}\n`);

export function work(kind, value) {
  if (kind === "count") {
    if (++count === 1) note("first", now());
    if (count === total) note("last", now());
  } else if (kind === "latency") {
    note("latencies", now() - Number(value));
  } else {
    note("marks", value);
  }
}

export async function play(put) {
  const [, , kind, times] = process.argv;
  const begin = now();
  for (let n = 0; n < Number(times); n++) {
    if (kind === "latency") await new Promise((resolve) => setTimeout(resolve, 200));
    await put(kind, kind === "latency" ? now() : n);
  }
  note("put", now() - begin);
}
