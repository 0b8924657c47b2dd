/** What bench/door.ts is to reach, and how far it does. */

import { DURABLE, KEPT_OPEN, NO_SYNC, UWSGI } from "./door_programs.ts";
import type { FastMeasured } from "./network_load.ts";
import { median, whole } from "./table.ts";

export interface Row extends FastMeasured {
  /** Processor time of a task in all processes of the program. */
  readonly cpuUs: number;
  /** The same without its workers. */
  readonly ownUs: number;
}

export interface Measurements {
  /** Of each run, by `NAME/CLIENTS`. */
  readonly rows: Map<string, Row[]>;
  /** Of each run, by name: milliseconds from the sending of a task to the start of its function. */
  readonly delays: Map<string, (readonly number[])[]>;
  /** Of each run: what the disk does of bare fdatasync, a second. */
  readonly syncRates: number[];
}

/** More is better, or less is. */
type Sense = "at least" | "at most";

const MOST_CPU_US = 30;
/** No disk syncs as often in a second. */
const MEMORY_RATE = 100_000;

export function goalRows({ rows, delays, syncRates }: Measurements): string[][] {
  const table = [["goal", "", "wanted", "measured", "worst"]];
  const add = (name: string, sense: Sense, goal: number, values: readonly number[], unit = "") => {
    const worst = sense === "at least" ? Math.min(...values) : Math.max(...values);
    const value = median(values);
    const isReached = sense === "at least" ? value >= goal : value <= goal;
    const texts = [value, worst].map((each) => each.toFixed(2) + unit);
    table.push([name, isReached ? "reached" : "missed", `${sense} ${goal}${unit}`, ...texts]);
  };
  const rates = (name: string, clients: number) =>
    (rows.get(`${name}/${clients}`) ?? []).map(({ tasksPerSecond }) => tasksPerSecond);
  const toUwsgi = (name: string, clients: number) =>
    ratios(rates(name, clients), rates(UWSGI, clients));
  for (const clients of [1, 8, 64]) {
    add(`${NO_SYNC}, ${clients} clients, to uWSGI`, "at least", 1, toUwsgi(NO_SYNC, clients));
  }
  add(`${DURABLE}, 64 clients, to uWSGI`, "at least", 0.7, toUwsgi(DURABLE, 64));
  add(`${DURABLE}, 8 clients, to uWSGI`, "at least", 0.4, toUwsgi(DURABLE, 8));
  const hasDisk = median(syncRates) < MEMORY_RATE;
  if (hasDisk) {
    const toSync = ratios(rates(DURABLE, 1), syncRates);
    add(`${DURABLE}, 1 client, to bare fdatasync`, "at least", 0.6, toSync);
  }
  add(`${KEPT_OPEN}, 8 clients, to uWSGI`, "at least", 2, toUwsgi(KEPT_OPEN, 8));
  for (const name of [NO_SYNC, DURABLE]) {
    const cpu = (rows.get(`${name}/64`) ?? []).map(({ ownUs }) => ownUs);
    add(`${name}, 64 clients, CPU without workers`, "at most", MOST_CPU_US, cpu, " µs");
  }
  const at = (name: string, part: number) =>
    (delays.get(name) ?? []).map((each) => quantile(each, part));
  for (const name of [NO_SYNC, DURABLE]) {
    const p50 = at(name, 0.5);
    add(`${name}, start of a function, p50 to uWSGI's`, "at most", 1, ratios(p50, at(UWSGI, 0.5)));
    add(`${name}, start of a function, p99 to p50`, "at most", 2, ratios(at(name, 0.99), p50));
  }
  for (const name of [UWSGI, NO_SYNC, DURABLE]) {
    const [p50, p99] = [0.5, 0.99].map((part) => median(at(name, part)).toFixed(2));
    table.push([`${name}, start of a function, p50 and p99`, "", "", `${p50} ms`, `${p99} ms`]);
  }
  if (hasDisk) {
    const [sync, least] = [median(syncRates), Math.min(...syncRates)].map(whole);
    table.push(["bare fdatasync, a second", "", "", sync ?? "", least ?? ""]);
  }
  table.push([
    "eight clients under 10,000 attacks a second",
    "",
    "",
    "bench/network.ts --attack",
    "",
  ]);
  return table;
}

/** Of each run. */
function ratios(values: readonly number[], bases: readonly number[]): number[] {
  return values.map((value, run) => value / (bases[run] ?? NaN));
}

function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(part * (sorted.length - 1))] ?? NaN;
}
