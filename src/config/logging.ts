/** Where the log goes, and what is in it. @pure */

import { type Level, LEVELS } from "../report/level.ts";
import type { LogConfig, LogFileConfig, LoggerConfig, LogRoute } from "../report/settings.ts";
import { parseAddress } from "../wire/address.ts";
import { parseIp } from "../wire/network.ts";
import type { Entry } from "./entry.ts";
import type { Given } from "./given.ts";
import { parseBoolean, parseInteger, parseWanted } from "./value.ts";

export function loggingOf(given: Given, daemonLog: string | null): LogConfig {
  const path = (text: string, entry: Entry) => given.path(parseWanted(text), entry);
  const loggers = given.every("logger", (text, entry) => parseLogger(text, given, entry));
  return {
    format: given.last("log-json", parseBoolean, false) ? "json" : "text",
    quiet: given.last("spooler-quiet", parseBoolean, false),
    level: given.last<Level>("log-level", parseLevel, "debug"),
    file: fileOf(given, daemonLog),
    loggers,
    routes: given.every("log-route", (text) => parseRoute(text, loggers)),
    touchReopen: given.every("touch-logreopen", path),
    touchRotate: given.every("touch-logrotate", path),
  };
}

/** `daemonize` names the file, too; `logto` behind it has the last word, as in uWSGI. */
function fileOf(given: Given, daemonLog: string | null): LogFileConfig | null {
  const path = (text: string, entry: Entry) => given.path(parseWanted(text), entry);
  const early = given.last<string | null>("logto", path, null);
  const late = given.last<string | null>("logto2", path, null);
  const file = late ?? early ?? daemonLog;
  const maxBytes = given.last<number | null>("log-maxsize", (text) => parseInteger(text, 1), null);
  const backup = given.last<string | null>("log-backupname", path, null);
  const reopens = given.last("log-reopen", parseBoolean, false);
  if (file === null) return null;
  return { path: file, isLate: late !== null, maxBytes, backup, reopens };
}

function parseLevel(text: string): Level {
  const level = LEVELS.find((each) => each === text.trim());
  if (level === undefined) throw new SyntaxError(`needs one of ${LEVELS.join(", ")}`);
  return level;
}

/** Of syslog(3). */
const FACILITIES = [
  ...["kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron"],
  ...["authpriv", "ftp"],
];
const LOCAL0 = 16;

/** `[NAME ]syslog[:IDENT[,FACILITY]]`, `file:PATH`, `socket:ADDRESS`; a name is for log-route. */
function parseLogger(text: string, given: Given, entry: Entry): LoggerConfig {
  const [, id = null, kind, argument = ""] =
    /^(?:(\S+)\s+)?(\w+)(?::(.*))?$/.exec(parseWanted(text).trim()) ?? [];
  switch (kind) {
    case "syslog": {
      const [name = "", facility = "daemon"] = argument.split(",");
      return { id, kind, name: name || "spooler", facility: parseFacility(facility) };
    }
    case "file":
      return { id, kind, path: given.path(parseWanted(argument), entry) };
    case "socket":
      return { id, ...parseSocket(argument, given, entry) };
    default:
      throw new SyntaxError("needs syslog[:NAME[,FACILITY]], file:PATH or socket:ADDRESS");
  }
}

/** `NAME REGEXP`. */
function parseRoute(text: string, loggers: readonly LoggerConfig[]): LogRoute {
  const [, logger, pattern] = /^(\S+)\s+(.+)$/.exec(text.trim()) ?? [];
  if (logger === undefined || pattern === undefined) {
    throw new SyntaxError("needs the NAME of a logger and a regular expression");
  }
  if (!loggers.some(({ id }) => id === logger)) {
    throw new SyntaxError(`needs a logger of that name: logger = ${logger} file:PATH`);
  }
  try {
    return { logger, pattern: new RegExp(pattern) };
  } catch {
    throw new SyntaxError("needs a regular expression behind the name");
  }
}

function parseFacility(text: string): number {
  const local = /^local([0-7])$/.exec(text)?.[1];
  const number = local === undefined ? FACILITIES.indexOf(text) : LOCAL0 + Number(local);
  if (number === -1) throw new SyntaxError("names no facility of syslog");
  return number;
}

function parseSocket(text: string, given: Given, entry: Entry) {
  const address = parseAddress(text);
  if (address.kind === "unix") {
    const isName = address.path.startsWith("\0");
    return {
      kind: "unix" as const,
      path: isName ? `@${address.path.slice(1)}` : given.path(address.path, entry),
    };
  }
  if (parseIp(address.host) === null) throw new SyntaxError("needs an IP address and a port");
  return { kind: "udp" as const, host: address.host, port: address.port };
}
