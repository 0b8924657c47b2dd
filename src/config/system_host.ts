/** The machine, for a configuration that is being read. */

import { userInfo } from "node:os";
import { userName } from "../platform/owner.ts";
import { quietly } from "../platform/quietly.ts";
import { resolve } from "@std/path";
import { readFileSync } from "node:fs";
import { type InheritedSocket, inheritedSockets } from "../platform/inherited_sockets.ts";
import { systemClock } from "../platform/clock.ts";
import { machineZone } from "../platform/machine_zone.ts";
import { startEnvironment } from "./start_environment.ts";
import { type ConfigHost, HostError } from "./host.ts";
import { DENIED, reasonOf } from "../platform/reason.ts";

/** A file, a pipe or a command that takes longer is given up. */
const PATIENCE_MS = 10_000;
/** More than nearly every ini has. */
const PIECE_BYTES = 16 * 1024;

/** Its names: those in /dev may be opened only by a program that may do everything. */
const STDIN: readonly (string | number)[] = ["-", 0, "/dev/stdin", "/dev/fd/0"];

export interface HostSettings {
  /** Whether this is not the first time the program reads its configuration. */
  readonly isReload?: boolean;
  readonly patienceMs?: number;
}

export function systemHost(
  { isReload = false, patienceMs = PATIENCE_MS }: HostSettings = {},
): ConfigHost {
  const uid = Deno.uid() ?? 0;
  const gid = Deno.gid() ?? 0;
  return {
    cwd: Deno.cwd(),
    hostname: Deno.hostname(),
    uid,
    gid,
    // As getpwuid(3) has it, which also knows users that are not in /etc/passwd. Few inis ask.
    get user() {
      return quietly(() => userInfo().username) ?? userName(uid);
    },
    get group() {
      return groupName(gid);
    },
    cpus: navigator.hardwareConcurrency,
    nowMicros: systemClock.now() * 1000,
    executable: Deno.execPath(),
    isReload,
    environment: startEnvironment(),
    read: (source, maxBytes) => read(source, maxBytes, patienceMs),
    run: (command, maxBytes) => printed(["/bin/sh", "-c", command], maxBytes, patienceMs),
    zone: machineZone,
    inherited: (name) => {
      const sockets = inheritedSockets();
      if (sockets === null) return null;
      // A number is a descriptor, as in uWSGI.
      const isMeant = (socket: InheritedSocket) =>
        socket.name === name || String(socket.fd) === name;
      return sockets.filter(isMeant).map(({ address }) => address);
    },
    kindOf: (path) => {
      const found = quietly(() => Deno.statSync(path));
      if (found === undefined) return undefined;
      return found.isFile ? "file" : found.isDirectory ? "dir" : "other";
    },
    isLink: (path) => quietly(() => Deno.lstatSync(path))?.isSymlink ?? false,
    isReadable: (path) =>
      quietly(() => {
        const { isFile } = Deno.statSync(path);
        if (isFile) Deno.openSync(path).close();
        return true;
      }) ?? false,
    inodeOf: (path) => quietly(() => Deno.lstatSync(path))?.ino ?? undefined,
    realPath: (path) => quietly(() => Deno.realPathSync(path)),
    list: (dir) => quietly(() => [...Deno.readDirSync(dir)].map(({ name }) => name)) ?? [],
  };
}

async function read(
  source: string | number,
  maxBytes: number,
  patienceMs: number,
): Promise<Uint8Array> {
  try {
    if (STDIN.includes(source)) return await collect(piecesIn(Deno.stdin.readable), maxBytes, null);
    const path = typeof source === "number" ? `/dev/fd/${source}` : resolve(source);
    const { isDirectory, isFile, isFifo, size } = Deno.statSync(path);
    if (isDirectory) throw new HostError("it is a directory");
    if (isFile && size > maxBytes) throw tooLarge(maxBytes, size);
    // The open of a pipe may wait for its writer for ever, and with it the whole program.
    if (isFifo && typeof source === "string") {
      return await printed(["cat", "--", path], maxBytes, patienceMs);
    }
    using file = await Deno.open(path);
    return await collect(piecesOf(file), maxBytes, patienceMs);
  } catch (error) {
    throw asHostError(error);
  }
}

/** What a program prints, in a session of its own that ends with it. */
async function printed(
  [program = "", ...args]: readonly string[],
  maxBytes: number,
  patienceMs: number,
): Promise<Uint8Array> {
  const child = new Deno.Command(program, {
    args,
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
    detached: true,
  }).spawn();
  try {
    return await collect(piecesIn(child.stdout), maxBytes, patienceMs);
  } catch (error) {
    throw asHostError(error);
  } finally {
    // What the command has started and left behind would keep the start waiting.
    quietly(() => Deno.kill(-child.pid, "SIGKILL"));
    await child.status;
  }
}

/** What comes piece by piece, until null. */
interface Pieces {
  next(): Promise<Uint8Array | null>;
  end(): void;
}

/** Deno's streams for files take four milliseconds to set up. */
function piecesOf(file: Deno.FsFile): Pieces {
  const piece = new Uint8Array(PIECE_BYTES);
  return {
    async next() {
      const length = await file.read(piece);
      return length === null ? null : piece.slice(0, length);
    },
    end() {},
  };
}

function piecesIn(stream: ReadableStream<Uint8Array>): Pieces {
  const reader = stream.getReader();
  return {
    next: async () => (await reader.read()).value ?? null,
    end: () => void reader.cancel().catch(() => {}),
  };
}

/** @param patienceMs null for a person who types a configuration */
async function collect(
  pieces: Pieces,
  maxBytes: number,
  patienceMs: number | null,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  const all = (async () => {
    for (;;) {
      const value = await pieces.next();
      if (value === null) return;
      size += value.length;
      if (size > maxBytes) throw tooLarge(maxBytes);
      chunks.push(value);
    }
  })();
  try {
    await (patienceMs === null ? all : inTime(all, patienceMs));
  } finally {
    pieces.end();
  }
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

async function inTime<T>(work: Promise<T>, patienceMs: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new HostError(`it took longer than ${patienceMs / 1000} seconds`)),
      patienceMs,
    );
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

function tooLarge(maxBytes: number, size?: number): HostError {
  const actual = size === undefined ? "more" : `${size}`;
  return new HostError(`it has ${actual} bytes; the limit is ${maxBytes}`);
}

function asHostError(error: unknown): HostError {
  if (error instanceof HostError) return error;
  if (error instanceof Deno.errors.NotFound) return new HostError("no such file");
  if (error instanceof Deno.errors.PermissionDenied) return new HostError(DENIED);
  if (error instanceof Deno.errors.NotCapable) {
    return new HostError("special files such as this one are closed to the program");
  }
  const message = reasonOf(error);
  return new HostError(message.replace(/\s*\(os error \d+\).*$/s, ""));
}

function groupName(gid: number): string {
  const groups = quietly(() => readFileSync("/etc/group", "utf8")) ?? "";
  const line = groups.split("\n").find((group) => group.split(":")[2] === String(gid));
  return line?.split(":")[0] ?? String(gid);
}
