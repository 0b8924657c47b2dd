/** Where the log can go beside stderr: a file that rotates, syslog, datagrams. */

import { openOutput, type OutputFile } from "../platform/output.ts";
import type { DatagramAddress, Posix } from "../platform/posix.ts";
import { SEVERITY } from "../report/level.ts";
import type { LogFileConfig, LoggerConfig } from "../report/settings.ts";

const FILE_MODE = 0o640;
const NEWLINE = 10;

/** `logto`: stdout and stderr of the whole program become a file. */
export class LogFile implements OutputFile {
  readonly #stderr = openOutput(2);
  /** In the file. */
  #size = 0;
  #isAtLineStart = true;
  #outputs: readonly number[];

  /**
   * @param now milliseconds since the epoch
   * @param keepsStdout until {@link takeStdout}
   * @throws {Error} when it cannot be opened
   */
  constructor(
    private readonly config: LogFileConfig,
    private readonly posix: Posix,
    private readonly now: () => number,
    keepsStdout: boolean,
  ) {
    this.#outputs = keepsStdout ? [2] : [1, 2];
    this.reopen();
  }

  /** From now on the file has stdout, too. */
  takeStdout(): void {
    this.#outputs = [1, 2];
    this.reopen();
  }

  /** Opens the file of that name, after somebody has moved the one before away. */
  reopen(): void {
    const { path } = this.config;
    // Of the two, this one says which file it is and why.
    Deno.openSync(path, { append: true, create: true, mode: FILE_MODE }).close();
    this.posix.redirectOutput(this.#outputs, this.config.path, FILE_MODE);
    this.#size = Deno.statSync(this.config.path).size;
  }

  /** Gives the file another name and goes on with a new one. */
  rotate(): void {
    const { path, backup } = this.config;
    Deno.renameSync(path, backup ?? `${path}.${Math.floor(this.now() / 1000)}`);
    this.reopen();
  }

  write(bytes: Uint8Array<ArrayBuffer>): number {
    const { maxBytes } = this.config;
    if (maxBytes !== null && this.#size >= maxBytes && this.#isAtLineStart) this.rotate();
    const count = this.#stderr.write(bytes);
    this.#size += count;
    if (count > 0) this.#isAtLineStart = bytes[count - 1] === NEWLINE;
    return count;
  }

  wait(ms: number): void {
    this.#stderr.wait(ms);
  }
}

/** `logger`. */
export function openLogger(config: LoggerConfig, posix: Posix | null): OutputFile {
  if (config.kind === "file") return openFile(config.path);
  if (posix === null) throw new Error("logger needs libc, which this machine does not have");
  const send = config.kind === "syslog"
    ? (line: Uint8Array) =>
      posix.sendDatagram(SYSLOG, syslogLine(line, config.name, config.facility))
    : (line: Uint8Array) => posix.sendDatagram(config, line);
  return { write: (bytes) => sendLines(bytes, send), wait: () => {} };
}

const SYSLOG: DatagramAddress = { kind: "unix", path: "/dev/log" };

function openFile(path: string): OutputFile {
  const file = Deno.openSync(path, { append: true, create: true, mode: FILE_MODE });
  return { write: (bytes) => file.writeSync(bytes), wait: () => {}, close: () => file.close() };
}

/** A line that begins with its severity, as syslog(3) writes it to /dev/log; the daemon adds the time. */
function syslogLine(line: Uint8Array, name: string, facility: number): Uint8Array {
  const text = new TextDecoder().decode(line);
  const severity = Number(/^<(\d)>/.exec(text)?.[1] ?? SEVERITY.info);
  const said = text.replace(/^<\d>/, "");
  return new TextEncoder().encode(`<${8 * facility + severity}>${name}[${Deno.pid}]: ${said}`);
}

/** Sends each line as a datagram; the bytes of those that were sent. */
function sendLines(
  bytes: Uint8Array<ArrayBuffer>,
  send: (line: Uint8Array) => boolean,
): number {
  let at = 0;
  while (at < bytes.length) {
    const end = bytes.indexOf(NEWLINE, at);
    const line = bytes.subarray(at, end === -1 ? bytes.length : end);
    if (!send(line)) return at;
    at += line.length + (end === -1 ? 0 : 1);
  }
  return at;
}

/** Whether stderr is the stream that systemd's journal reads, as JOURNAL_STREAM says. */
export function isJournal(): boolean {
  const stream = Deno.env.get("JOURNAL_STREAM");
  if (!stream) return false;
  try {
    const { dev, ino } = Deno.statSync("/proc/self/fd/2");
    return stream === `${dev}:${ino}`;
  } catch {
    return false;
  }
}
