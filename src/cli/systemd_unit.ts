/** `spooler systemd-unit --ini FILE`: a unit that runs the ini as a service, hardened. */

import { dirname, resolve } from "@std/path";
import type { Config } from "../config/config.ts";
import { quietly } from "../platform/quietly.ts";
import { readArgs } from "./args.ts";
import { UsageError } from "./error.ts";
import { loadIni } from "./ini.ts";

export async function systemdUnit(args: readonly string[]): Promise<number> {
  const { options: { ini }, words } = readArgs("systemd-unit", args, ["ini"]);
  if (ini === undefined || words.length > 0) {
    throw new UsageError("systemd-unit needs --ini FILE: spooler systemd-unit --ini /etc/site.ini");
  }
  const { config } = await loadIni(["--ini", ini]);
  console.log(unitText(config, resolve(ini), Deno.execPath()).trimEnd());
  return 0;
}

/**
 * Not in it, because V8 cannot start under it: MemoryDenyWriteExecute. Only the program gets the signal to stop
 * (KillMode=mixed): what runs gets the time of worker-reload-mercy, and some seconds to die.
 */
function unitText(config: Config, ini: string, program: string): string {
  const { daemon: { mercyMs, identity } } = config;
  // systemd starts nothing when one of them is missing; a spool is made below the next.
  const writable = [
    ...new Set(
      directoriesOf(config).map((dir) =>
        quietly(() => Deno.statSync(dir)) === undefined ? dirname(dir) : dir
      ),
    ),
  ];
  const user = identity?.user?.name ?? null;
  const group = identity?.group?.name ?? null;
  const lines = [
    "[Unit]",
    `Description=spooler for ${ini}`,
    "After=network-online.target",
    "Wants=network-online.target",
    "",
    "[Service]",
    "Type=notify",
    `ExecStart=${quoted(program)} --ini ${quoted(ini)}`,
    "ExecReload=/bin/kill -HUP $MAINPID",
    "NotifyAccess=main",
    "WatchdogSec=30",
    // What a task's code can end is started again; a wrong ini would only fail again.
    "Restart=always",
    "RestartSec=1",
    "RestartPreventExitStatus=2",
    // The task that took all memory has failed; the others are to go on.
    "OOMPolicy=continue",
    "KillMode=mixed",
    `TimeoutStopSec=${Math.ceil(mercyMs / 1000) + 15}`,
    // A program that changes its user by itself starts as root.
    ...(user === null ? ["# User=", "# Group="] : [`# The ini says uid = ${user}: no User= here.`]),
    ...(group === null || user !== null ? [] : [`# The ini says gid = ${group}.`]),
    "",
    "UMask=0027",
    "NoNewPrivileges=yes",
    "ProtectSystem=strict",
    ...writable.map((directory) => `ReadWritePaths=${quoted(directory)}`),
    "ProtectHome=read-only",
    "PrivateTmp=yes",
    "PrivateDevices=yes",
    "ProtectKernelTunables=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelLogs=yes",
    "ProtectControlGroups=yes",
    "ProtectClock=yes",
    "ProtectHostname=yes",
    "RestrictNamespaces=yes",
    "RestrictRealtime=yes",
    "RestrictSUIDSGID=yes",
    "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6",
    "LockPersonality=yes",
    "SystemCallArchitectures=native",
    "LimitNOFILE=65536",
    "",
    "[Install]",
    "WantedBy=multi-user.target",
  ];
  return `${lines.join("\n")}\n`;
}

/** What the program writes to. */
function directoriesOf({ spools, forwards, cronState, listeners, log, daemon }: Config): string[] {
  return [
    ...spools.map(({ dir }) => dir),
    ...forwards.map(({ spool }) => spool.dir),
    dirname(cronState),
    ...listeners.flatMap(({ address }) =>
      address.kind === "unix" && !address.path.startsWith("\0") ? [dirname(address.path)] : []
    ),
    ...(log.file === null ? [] : [dirname(log.file.path)]),
    ...daemon.pidFiles.map(({ path }) => dirname(path)),
  ];
}

/** A word of a unit, where % and blanks have a meaning of their own. */
function quoted(word: string): string {
  const text = word.replaceAll("%", "%%");
  return /[\s"'\\]/.test(text) ? JSON.stringify(text) : text;
}
