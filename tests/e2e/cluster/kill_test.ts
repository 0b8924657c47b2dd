/**
 * An edge, three nats-servers and two workers, in TypeScript and Python, of which one after the other
 * is killed while tasks flow. SPOOLER_CLUSTER_TASKS says how many, and whether all servers are killed.
 * A task may run twice only where what was recorded says why: tests/support/second_runs.ts.
 */

import { join } from "@std/path";
import { assert, assertEquals } from "../../support/assert.ts";
import { Machine, type NotedRun, RunLedger, TaskSender } from "../../support/cluster_site.ts";
import { type Kill, reasonOf, recordsIn } from "../../support/second_runs.ts";
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
/** Between two kills of the long form. */
const QUIET_MS = IS_LONG ? 4_000 : 0;

/** What a worker says of messages that the servers had lost sight of. */
const MENDED = /^.*(?: put \d+ tasks? into | is made anew).*$/gm;

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
          "spooler-debug = stream",
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
      about: Pick<Kill, "what" | "machine">,
      kill: () => Promise<unknown>,
      after = () => Promise.resolve(),
    ) => {
      const entry: Kill = { ...about, from: Date.now(), to: Infinity };
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
    const killedWorker = (what: string, machine: string, program: Machine) =>
      killed({ what, machine }, restart(program));
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
      await killed({ what: "edge", machine: "edge" }, restart(edge));
      await killedWorker("worker in TypeScript", "script", script);
      await killedWorker("worker in Python", "python", python);
      const leader = await cluster.leaderOf("jobs");
      const leaderKill = { what: "leader", machine: null };
      await killed(leaderKill, () => leader.kill(), () => leader.start());
      if (IS_LONG) await killed({ what: "all servers", machine: null }, servers);
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
    const mended = [script, python].flatMap(({ log }) => log.match(MENDED) ?? []);
    const records = new Map([["script", recordsIn(script.log)], ["python", recordsIn(python.log)]]);
    for (const [machine, { taken, acknowledged }] of records) {
      const isNoted = ({ task, ...run }: NotedRun) =>
        run.machine === machine && taken.has(task) && acknowledged.has(task);
      assert(ledger.runs().some(isNoted), `${machine} logs what it takes and what is acknowledged`);
    }
    const known = { kills, records, isMended: mended.length > 0 };
    const reasons = twice.map((runs) => reasonOf(runs, known));
    report(sender, ran, kills, reasons);
    if (IS_LONG) console.log(...mended);
    assertEquals(twice.filter((_, i) => reasons[i] === null), [], "ran twice without a reason");
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

/** What the long form says. */
function report(
  sender: TaskSender,
  ran: ReadonlyMap<number, unknown>,
  kills: readonly Kill[],
  reasons: readonly (Kill | "standstill" | null)[],
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
  const stood = reasons.filter((reason) => reason === "standstill").length;
  if (stood > 0) console.log(`${stood} ran twice because a worker stood still`);
}
