/**
 * An edge, three nats-servers and two workers, in TypeScript and Python, of which one after the other
 * is killed while tasks flow. SPOOLER_CLUSTER_TASKS says how many, and whether all servers are killed.
 */

import { join } from "@std/path";
import { assert, assertEquals } from "../../support/assert.ts";
import { Machine, type NotedRun, RunLedger, TaskSender } from "../../support/cluster_site.ts";
import { closed } from "../../support/nats.ts";
import { NatsCluster } from "../../support/nats_cluster.ts";
import { quietPort } from "../../support/port.ts";
import { programLabel } from "../../support/program.ts";
import { testWith } from "../../support/require.ts";
import { whatIsLeft } from "../../support/stream_left.ts";
import { tempDir } from "../../support/temp.ts";
import { pause, until } from "../../support/until.ts";

const TASKS = Number(Deno.env.get("SPOOLER_CLUSTER_TASKS") ?? "500");
const IS_LONG = TASKS >= 10_000;
const CLIENTS = 8;
const PAUSE_MS = IS_LONG ? 10 : 25;
const ACK_WAIT_SECONDS = 2;
/** Until what was sent after a kill has run. */
const PATIENCE_MS = 180_000;
const POLL_MS = 50;
/** What was done so long before a kill may not be known to the stream yet, on a busy machine. */
const UNSAID_MS = IS_LONG ? 1_000 : 5_000;
/** Where nothing is killed for so long, in the long form, nothing may run twice. */
const QUIET_MS = IS_LONG ? 4_000 : 0;

/** What a worker says of messages that the servers had lost sight of. */
const MENDED = /^.*(?: put \d+ tasks? into | is made anew).*$/gm;

interface Kill {
  readonly what: string;
  readonly from: number;
  /** A task that was sent after it has run. */
  to: number;
}

testWith(
  ["nats", "python"],
  `${programLabel}: a worker, the leader, the edge and its servers are killed, and no task is lost`,
  async () => {
    await using temp = await tempDir();
    await using cluster = await NatsCluster.start();
    await cluster.create("jobs");
    const ledger = new RunLedger(join(temp.path, "ledger"));
    const port = quietPort();
    const address = cluster.address("jobs");
    const worker = (name: string, module: string, code: string) =>
      Machine.start(
        join(temp.path, name),
        [
          `spooler-stream = ${address},processes=2,ack-wait=${ACK_WAIT_SECONDS}`,
          `spooler-import = ${module}`,
          "spooler-quiet = true",
        ],
        { [module]: code },
      );
    await using edge = await Machine.start(join(temp.path, "edge"), [
      `spooler-forward = out ${address}`,
      `socket = 127.0.0.1:${port}`,
      "spooler-quiet = true",
    ]);
    await using script = await worker("script", "tasks.ts", ledger.typescript("script"));
    await using python = await worker("python", "tasks.py", ledger.python("python"));
    const sender = new TaskSender({ port, clients: CLIENTS, pauseMs: PAUSE_MS });
    const kills: Kill[] = [];

    /** Until a task has run that is sent from now on. */
    const flows = async () => {
      const from = sender.next;
      const hasRun = async () => {
        await pause(POLL_MS);
        return ledger.runs().some(({ n }) => n >= from);
      };
      await until(hasRun, "tasks flow", PATIENCE_MS);
    };
    const killed = async (
      what: string,
      kill: () => Promise<unknown>,
      after = () => Promise.resolve(),
    ) => {
      const entry: Kill = { what, from: Date.now(), to: Infinity };
      kills.push(entry);
      await kill();
      await flows();
      entry.to = Date.now();
      await after();
      await pause(QUIET_MS);
    };
    const restart = (machine: Machine) => async () => {
      await machine.kill();
      await machine.start();
    };
    const servers = async () => {
      await Promise.all(cluster.servers.map((server) => server.kill()));
      await Promise.all(cluster.servers.map((server) => server.start()));
    };

    await flows();
    for (const name of ["script", "python"]) {
      const hasRun = () => ledger.runs().some(({ machine }) => machine === name);
      await until(hasRun, `${name} has run one`, PATIENCE_MS);
    }
    do {
      await killed("edge", restart(edge));
      await killed("worker in TypeScript", restart(script));
      await killed("worker in Python", restart(python));
      const leader = await cluster.leaderOf("jobs");
      await killed("leader", () => leader.kill(), () => leader.start());
      if (IS_LONG) await killed("all servers", servers);
    } while (sender.accepted.size < TASKS && IS_LONG);
    await until(
      async () => {
        await pause(POLL_MS);
        return sender.accepted.size >= TASKS;
      },
      "all tasks are sent",
      PATIENCE_MS,
    );
    await sender.stop();
    const missing = () => {
      const ran = ledger.byNumber();
      return [...sender.accepted.keys()].filter((n) => !ran.has(n));
    };
    const isOver = async () => await cluster.count("jobs") === 0 && missing().length === 0;
    await until(isOver, "the stream is empty, and all have run", PATIENCE_MS).catch(
      async (cause) => {
        const ran = ledger.byNumber();
        const left = await leftIn(cluster, (n) => ran.has(n));
        const state = stateOf(sender, missing(), kills, [edge, script, python]);
        throw new Error(`${left}\n${state}`, { cause });
      },
    );
    const ran = ledger.byNumber();
    const twice = [...ran.values()].filter((runs) => runs.length > 1);
    const reasons = twice.map((runs) => killOf(kills, runs));
    report(sender, ran, kills, reasons);
    if (IS_LONG) console.log(...[script, python].flatMap(({ log }) => log.match(MENDED) ?? []));
    assertEquals(twice.filter((_, i) => reasons[i] === null), [], "ran twice without a kill");
    assert(reasons.every((kill) => kill?.what !== "edge"), "the stream knows what it has");
    assertEquals(await Promise.all([edge, script, python].map((each) => each.stop())), [0, 0, 0]);
  },
);

async function leftIn(cluster: NatsCluster, isRun: (n: number) => boolean): Promise<string> {
  const link = await cluster.link("jobs");
  try {
    return await whatIsLeft(link, "jobs", isRun);
  } catch (error) {
    return `what is left in the stream: ${error}`;
  } finally {
    await closed(link);
  }
}

/** For whoever has to find out why. */
function stateOf(
  { accepted }: TaskSender,
  missing: readonly number[],
  kills: readonly Kill[],
  machines: readonly Machine[],
): string {
  const time = (at: number) => new Date(at).toISOString();
  return [
    `${missing.length} of ${accepted.size} have not run`,
    ...missing.slice(0, 20).map((n) => `task ${n}: accepted ${time(accepted.get(n) ?? 0)}`),
    ...kills.map(({ what, from }) => `killed ${time(from)}: ${what}`),
    ...machines.map(({ log }) => log),
  ].join("\n");
}

/** The kill at which a task ran that has run again. */
function killOf(kills: readonly Kill[], runs: readonly NotedRun[]): Kill | null {
  const [{ at } = { at: NaN }] = runs;
  return kills.findLast(({ from, to }) => at >= from - UNSAID_MS && at <= to) ?? null;
}

/** What the long form says. */
function report(
  sender: TaskSender,
  ran: ReadonlyMap<number, unknown>,
  kills: readonly Kill[],
  reasons: readonly (Kill | null)[],
): void {
  if (!IS_LONG) return;
  console.log(
    `${sender.accepted.size} accepted, ${ran.size} ran, ${sender.failures} deliveries repeated`,
  );
  for (const kill of kills) {
    const doubled = reasons.filter((reason) => reason === kill).length;
    const seconds = ((kill.to - kill.from) / 1000).toFixed(1);
    console.log(`${kill.what}: tasks flow again after ${seconds} s, ${doubled} ran twice`);
  }
}
