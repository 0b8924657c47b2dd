/** `spooler-stream`: a stream of NATS whose tasks run here. @pure */

import { createHash } from "node:crypto";
import { join } from "@std/path";
import type { StreamWorkConfig } from "../cluster/settings.ts";
import type { NatsAccess } from "../nats/settings.ts";
import { parseStreamAddress } from "../nats/stream_address.ts";
import type { CheckHost } from "./checks.ts";
import type { Entry } from "./entry.ts";
import type { Given } from "./given.ts";
import { parseSettings } from "./settings.ts";
import { harakiriMsOf, type SpoolSettings } from "./spools.ts";
import { parseInteger, parseSeconds } from "./value.ts";

const KEYS = ["processes", "harakiri", "retries", "ack-wait", "functions"];
/** Where files are memory, on Linux. */
const MEMORY_DIR = "/dev/shm";
const OTHER_DIR = "/tmp";
const ACK_WAIT_SECONDS = 30;

interface StreamBase {
  readonly settings: SpoolSettings;
  readonly access: NatsAccess;
  /** The ini, whose streams have directories of their own. */
  readonly file: string;
  readonly kindOf: CheckHost["kindOf"];
}

export function streamsOf(given: Given, base: StreamBase): StreamWorkConfig[] {
  return given.every("spooler-stream", (text, entry) => streamOf(base, text, entry));
}

function streamOf({ settings, access, file, kindOf }: StreamBase, text: string, { place }: Entry) {
  // A host has no `=`: the first key ends the address.
  const [, name = "", tuning = ""] = /^(.*?)(?:,([a-z-]+=.*))?$/s.exec(text.trim()) ?? [];
  const address = parseStreamAddress(name);
  const { values, rest } = parseSettings(tuning, KEYS);
  const functions = [values.get("functions") ?? "", rest].join(" ").trim();
  if (rest !== "" && [...values.keys()].at(-1) !== "functions") {
    throw new SyntaxError("needs nats://HOST:PORT/STREAM and settings, without blanks");
  }
  const read = <T>(key: string, parse: (value: string) => T, fallback: T): T => {
    const value = values.get(key);
    return value === undefined ? fallback : parse(value);
  };
  const hash = createHash("sha256").update(`${file}\n${name}`).digest("hex").slice(0, 16);
  const parent = kindOf(MEMORY_DIR) === "dir" ? MEMORY_DIR : OTHER_DIR;
  return {
    address,
    access,
    functions: functions === "" ? null : functions.split(/\s+/),
    ackWaitMs: 1000 * read("ack-wait", (value) => parseSeconds(value, 1), ACK_WAIT_SECONDS),
    place,
    spool: {
      ...settings,
      dir: join(parent, `spooler-${hash}`, address.stream),
      external: false,
      fsync: false,
      processes: read("processes", (value) => parseInteger(value, 1), settings.processes),
      harakiriMs: read("harakiri", harakiriMsOf, settings.harakiriMs),
      retry: {
        ...settings.retry,
        maxRetries: read("retries", (value) => parseInteger(value, 0), settings.retry.maxRetries),
      },
      limits: { maxFiles: null, minFreeBytes: null },
      failedMaxAgeMs: null,
    },
  };
}
