/** `spooler --ini FILE`, with any options of the table: the program itself. */

import type { Config } from "../config/config.ts";
import { type Loaded, showConfigOf } from "../config/load.ts";
import { ConfigError } from "../platform/problem.ts";
import { showConfig } from "../config/show.ts";
import { systemSignals } from "../platform/signals.ts";
import { systemHost } from "../config/system_host.ts";
import { startEnvironment } from "../config/start_environment.ts";
import { isInBackground, sayReady, startInBackground } from "../daemon/background.ts";
import { isOfServiceManager } from "../daemon/notify.ts";
import type { Log } from "./log.ts";
import { reasonOf } from "../platform/reason.ts";
import { withstandSignals } from "../app/signals.ts";
import { mustStart } from "../app/start_checks.ts";
import { announce } from "./announce.ts";
import { UsageError } from "./error.ts";
import { loadIni } from "./ini.ts";
import { refuseUnknown } from "./ini_options.ts";
import { CliOutput } from "./output.ts";
import { runLogged } from "./run_logged.ts";

export async function run(args: readonly string[]): Promise<number> {
  const inBackground = isInBackground();
  if (!inBackground) return await runHere(args, false);
  try {
    return await runHere(args, true);
  } catch (error) {
    // The command that waits for the start reads stdout.
    const output = new CliOutput();
    await output.line(`spooler: ${reasonOf(error)}`);
    await output.flush();
    throw error;
  }
}

async function runHere(args: readonly string[], inBackground: boolean): Promise<number> {
  // Their code, and that of no other command, is loaded where it is asked for.
  if (args.includes("--drain")) {
    const { runOnce } = await import("./run_once.ts");
    return await runOnce(args.filter((arg) => arg !== "--drain"));
  }
  if (args.includes("--check")) {
    const { check } = await import("./check.ts");
    return await check(args.filter((arg) => arg !== "--check"));
  }
  if (args.includes("--show-config")) {
    // On the command line it is all that is done; in a file it is done before the start.
    console.log(await showConfigOf(args.filter((arg) => arg !== "--show-config")));
    return 0;
  }
  withstandSignals(systemSignals);
  refuseUnknown("run", args, ["check", "drain", "show-config"]);
  const read = await loadIni(args);
  const { entries, secrets } = read;
  if (isIdle(read)) {
    throw new UsageError(
      "no ini, and nothing to do: spooler --ini FILE; spooler --help shows more",
    );
  }
  if (entries.some(({ key }) => key === "show-config")) console.log(showConfig(entries, secrets));
  const startable = await mustStart(read);
  const leavesTerminal = startable.config.daemon.daemonize !== null && !inBackground;
  const isKept = leavesTerminal && isOfServiceManager();
  if (leavesTerminal && !isKept) return await startInBackground(args, startEnvironment());
  const loaded = isKept ? withWarning(startable) : startable;
  return await runLogged(loaded, { keepsStdout: inBackground }, async ({ log, run }) => {
    await run({
      reread: () => reread(args, log),
      ready: () => {
        if (!inBackground) return;
        sayReady();
        log.takeStdout();
      },
    });
    return 0;
  });
}

/** Options alone are enough when they name some work; a program without any would wait for ever. */
function isIdle({ config, hasFile }: Loaded): boolean {
  return !hasFile && config.spools.length + config.forwards.length + config.streams.length +
          config.schedules.length === 0;
}

/** A service manager takes the end of the process that it started for the end of the service. */
function withWarning(loaded: Loaded): Loaded {
  const entry = loaded.entries.findLast(({ key }) => /^daemonize2?$/.test(key));
  if (entry === undefined) return loaded;
  const message =
    `${entry.key}: the program stays in the foreground, as its service manager wants ` +
    "it (NOTIFY_SOCKET); the log goes to the file";
  return { ...loaded, warnings: [...loaded.warnings, { place: entry.place, message }] };
}

/** The configuration as it is now; null when it is wrong, which is logged. */
async function reread(args: readonly string[], log: Log): Promise<Config | null> {
  try {
    const read = await loadIni(args, { host: systemHost({ isReload: true }), log });
    const loaded = await mustStart(read);
    announce(loaded, log);
    return loaded.config;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const line of error.message.split("\n")) {
      log.emit({ type: "config.warning", message: `no reload: ${line}` });
    }
    return null;
  }
}
