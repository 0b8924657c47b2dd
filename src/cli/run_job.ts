/**
 * `spooler run-job NAME`: runs a job now, in the foreground, as its schedule would: the same
 * environment, account, limits and retries. It counts as no slot; the history of the jobs has it, and
 * `spooler kill` ends it.
 */

import { openPlatform } from "../spool/platform.ts";
import type { Config } from "../config/config.ts";
import type { ScheduleConfig } from "../schedule/settings.ts";
import { runShell } from "../exec/process.ts";
import { openJobHistory } from "../history/job_history.ts";
import { Recorder } from "../history/recorder.ts";
import { systemClock, systemRandom } from "../platform/clock.ts";
import { loadPosix } from "../platform/posix.ts";
import { enterDaemon } from "../daemon/enter.ts";
import { systemSignals } from "../platform/signals.ts";
import type { Emit } from "../report/event.ts";
import { logLine } from "../report/log.ts";
import { safeText } from "../report/safe_text.ts";
import { readAccounts } from "../schedule/accounts.ts";
import { runJob as runToEnd } from "../schedule/job_run.ts";
import { destinationFor, destinationsOf } from "../server/destination.ts";
import { Store } from "../spool/store.ts";
import { textVar } from "../wire/packet.ts";
import { readRequest } from "../task/request.ts";
import { readArgs } from "./args.ts";
import { UsageError } from "./error.ts";
import { CliOutput, note, withoutKnownSecrets, withoutSecrets } from "./output.ts";
import { asked, placesOf, whoAsks } from "./programs.ts";
import { runKillable } from "./run_killable.ts";
import { configOf, jobsOf } from "./schedules.ts";

export async function runJob(args: readonly string[]): Promise<number> {
  const { options, words } = readArgs("run-job", args, ["ini"]);
  const [name, extra] = words;
  if (name === undefined || extra !== undefined) {
    throw new UsageError("run-job needs the name of one job; spooler jobs shows them");
  }
  const config = await configOf(options.ini, "run-job");
  const job = config.schedules.find((each) => each.name === name);
  if (job === undefined || job.action.kind === "signal") return await runThere(config, name);
  // As the running program would: under the user, the groups and the umask of the ini.
  const daemon = { ...config.daemon, pidFiles: [] };
  enterDaemon({ config: daemon, posix: loadPosix(), directories: [] });
  return await runHere(config, job) ? 0 : 1;
}

async function runHere(config: Config, job: ScheduleConfig): Promise<boolean> {
  const stop = new AbortController();
  const ignore = systemSignals.on(["SIGINT", "SIGTERM"], () => stop.abort());
  using recorded = foregroundEvents(config);
  const world = { ...await worldOf(config, job, stop.signal), ...recorded };
  try {
    return await runKillable(
      config.cronState,
      job.name,
      stop.signal,
      async (signal) => (await runToEnd(job, systemClock.now(), world, signal)).ok,
    );
  } finally {
    ignore();
  }
}

interface ForegroundEvents extends Disposable {
  readonly emit: Emit;
  /** What is printed over the log's budget, too. */
  readonly keepsOutput: boolean;
}

/** What the job does goes to the terminal, and into the history of the jobs. */
function foregroundEvents({ cronState, history: config }: Config): ForegroundEvents {
  const emit = foregroundSink();
  const { limit } = config;
  if (limit === null) return { emit, keepsOutput: false, [Symbol.dispose]: () => {} };
  const options = { ...openPlatform(), clock: systemClock, random: systemRandom };
  const opened = openJobHistory(cronState, options);
  const recorder = new Recorder({
    files: opened.files,
    ...{ limit, config, isOfJobs: true, clock: systemClock },
    unique: Math.floor(systemRandom() * 2 ** 31),
    mask: withoutKnownSecrets,
    warn: note,
  });
  return {
    emit: recorder.tap(emit),
    keepsOutput: config.output !== "none",
    [Symbol.dispose]() {
      recorder.close();
      opened[Symbol.dispose]();
    },
  };
}

/** What task code has registered, and signals for it, only a running program can run. */
async function runThere(config: Config, name: string): Promise<number> {
  const isOfIni = config.schedules.some((each) => each.name === name);
  let isAnswered = false;
  for (const place of placesOf("run-job", config)) {
    for await (const result of asked(place, { do: "run-job", by: whoAsks(), job: name })) {
      isAnswered = true;
      if (result.kind === "unknown") continue;
      if (result.kind === "refused") throw new Error(`${name}: not started: ${result.reason}`);
      const output = new CliOutput();
      const when = result.kind === "waits" ? "starts when what runs has ended" : "started";
      await output.line(`${safeText(name)}: ${when}, in the running program`);
      await output.flush();
      return 0;
    }
  }
  if (!isOfIni && !isAnswered && config.code.modules.length === 0) jobsOf(config, name);
  const which = isOfIni ? "raises a signal" : "is no job of the ini";
  const who = isAnswered ? "the running program has no such job" : "no running program answers";
  throw new UsageError(`${name} ${which}: only a running program could start it, and ${who}`);
}

async function worldOf(config: Config, job: ScheduleConfig, stopping: AbortSignal) {
  return {
    clock: systemClock,
    random: systemRandom,
    cwd: config.workingDir,
    env: config.env,
    binsh: config.binsh,
    shell: runShell,
    accounts: await readAccounts([job]),
    signals: { has: () => false, raise: () => Promise.resolve() },
    stopping,
    put: (vars: readonly (readonly [string, string])[]) => put(config, vars),
  };
}

/** The job's own output goes where it would go without us; what is said about it goes to stderr. */
function foregroundSink(): Emit {
  const log = logLine(() => systemClock.now(), withoutSecrets);
  return (event) => {
    if (event.type === "job.output") {
      if (event.stream === "stdout") console.log(event.line);
      else console.error(event.line);
    } else console.error(log(event));
  };
}

async function put(
  config: Config,
  vars: readonly (readonly [string, string])[],
): Promise<string> {
  const { task, spooler } = readRequest(vars.map(([name, value]) => textVar(name, value)));
  const spool = destinationFor(destinationsOf(config), spooler)?.spool;
  if (spool === undefined) throw new Error(`there is no spool "${spooler ?? ""}"`);
  const { dir, fsync, limits } = spool;
  const store = await Store.open({
    ...{ dir, fsync, limits },
    clock: systemClock,
    random: systemRandom,
    ...openPlatform(),
  });
  return (await store.put(task)).name;
}
