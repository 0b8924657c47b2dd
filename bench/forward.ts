/**
 * How fast a backlog is brought to a receiver, compared with how fast that receiver takes tasks at
 * all: the same number of tasks from memory, over as many connections, in the same run.
 *
 *     deno run -A bench/forward.ts [--tasks=100000] [--runs=3]
 *
 * The receiver is this program with a durable spool through which nobody works, a fresh one for each
 * measurement. What the forwarder could do if a receiver cost nothing is measured with a peer that only
 * says yes. Medians are printed. TMPDIR says which file system is used, and BACKLOG_TMPDIR which one by the
 * sender, when it is to be another: as on two machines, neither then waits for the other's journal.
 */

import { type Forwarded, forwardOnce } from "./forward_once.ts";
import { makePlaces, type Started, startReceiver, startYeaSayer } from "./forward_receiver.ts";
import { median, numberArg, printTable, whole } from "./table.ts";

const tasks = numberArg("tasks", 100_000);
const runs = numberArg("runs", 3);

interface Contestant {
  readonly name: string;
  readonly source: "memory" | "backlog";
  readonly receiver: (dir: string) => Promise<Started>;
}

const CONTESTANTS: readonly Contestant[] = [
  { name: "from memory", source: "memory", receiver: startReceiver },
  { name: "from a backlog", source: "backlog", receiver: startReceiver },
  { name: "from a backlog, to nobody's disk", source: "backlog", receiver: startYeaSayer },
];

async function measure(
  { name, source, receiver }: Contestant,
  connections: number,
): Promise<Forwarded> {
  await using places = await makePlaces(source === "backlog" ? tasks : 0);
  const { child, port } = await receiver(places.hub);
  const from = source === "memory" ? "-" : places.out;
  const measured = await forwardOnce(String(port), String(tasks), String(connections), from);
  const rate = whole(1000 * tasks / measured.tookMs);
  console.error(`${name}, ${connections} connections: ${rate} tasks/s`);
  child.kill("SIGTERM");
  await child.status;
  return measured;
}

const rows = [["", "tasks/s", "to the receiver's", "slowest", "fastest", "peak memory"]];
for (const connections of [1, 4]) {
  const all = CONTESTANTS.map((contestant) => ({ contestant, measured: [] as Forwarded[] }));
  for (let run = 0; run < runs; run++) {
    // Each in its turn is the first, and none always follows the same.
    const order = [...all.slice(run % all.length), ...all.slice(0, run % all.length)];
    for (const { contestant, measured } of order) {
      measured.push(await measure(contestant, connections));
    }
  }
  const ratesOf = (measured: readonly Forwarded[]) =>
    measured.map(({ tookMs }) => 1000 * tasks / tookMs);
  const base = median(ratesOf(all[0]?.measured ?? []));
  for (const { contestant, measured } of all) {
    const own = ratesOf(measured);
    const peak = Math.max(...measured.map(({ peakMiB }) => peakMiB ?? NaN));
    rows.push([
      `${contestant.name}, ${connections} connection${connections === 1 ? "" : "s"}`,
      whole(median(own)),
      (median(own) / base).toFixed(2),
      whole(Math.min(...own)),
      whole(Math.max(...own)),
      `${peak} MiB`,
    ]);
  }
}
printTable(rows);
