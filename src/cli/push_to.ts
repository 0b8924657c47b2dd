/** `spooler push --to`: sends a task to a peer, with its body and a signature if need be. */

import { resolve } from "@std/path";
import { parseSecret } from "../config/value.ts";
import type { Delivery } from "../forward/delivery.ts";
import { sendDeliveries } from "../forward/send.ts";
import { systemClock } from "../platform/clock.ts";
import { type Address, parseAddress, TLS_PREFIX } from "../wire/address.ts";
import { sendTask } from "../wire/client.ts";
import type { ClientTls } from "../wire/dial.ts";
import { UsageError } from "./error.ts";
import { CliOutput, note } from "./output.ts";
import { Progress } from "./progress.ts";
import type { PushedTask } from "./push.ts";
import { safeText } from "../report/safe_text.ts";
import { isStream } from "./spools.ts";
import { isThere } from "./there.ts";
import { reasonOf } from "../platform/reason.ts";

export interface PushTo {
  /** `HOST:PORT`, a path, `@NAME`, or `tls://HOST:PORT`. */
  readonly to: string;
  /** Trusted besides the public certificates. */
  readonly ca: string | undefined;
  readonly secretFile: string | undefined;
  readonly bodyFile: string | undefined;
  readonly isJson: boolean;
}

const TIMEOUT_MS = 30_000;

/** How one task fared. */
interface Sent {
  readonly isAccepted: boolean;
  /** Why not, where the peer says so. */
  readonly reason: string | null;
  /** The name of another task there that has its key. */
  readonly standIn: string | null;
}

/** Prints accepted or refused for each, and returns 0 or 1; why it is refused goes to stderr. */
export async function pushTo(where: PushTo, tasks: readonly PushedTask[]): Promise<number> {
  const { to, ca, isJson } = where;
  const isTls = to.startsWith(TLS_PREFIX);
  const address = addressOf(isTls ? to.slice(TLS_PREFIX.length) : to, to, isTls);
  if (ca !== undefined && !isTls) throw new UsageError(`--ca needs --to ${TLS_PREFIX}HOST:PORT`);
  const output = new CliOutput();
  let code = 0;
  for await (
    const { isAccepted, reason, standIn } of sendAll({ ...where, address, isTls }, tasks)
  ) {
    if (reason !== null && !isJson) note(reason);
    if (standIn !== null && !isJson) note(`not needed: ${standIn} has its key`);
    const result = isAccepted ? "accepted" : "refused";
    if (isJson) await output.json({ result, reason, standIn });
    else await output.line(result);
    if (!isAccepted) code = 1;
  }
  await output.flush();
  return code;
}

interface Destined extends PushTo {
  readonly address: Address;
  readonly isTls: boolean;
}

async function* sendAll(
  { ca, secretFile, bodyFile, address, isTls }: Destined,
  tasks: readonly PushedTask[],
): AsyncGenerator<Sent> {
  const isPlain = !isTls && secretFile === undefined && bodyFile === undefined;
  using progress = new Progress(() => tasks.length);
  // What a uWSGI understands, too.
  if (isPlain && tasks.length === 1) return yield* sendEach(address, tasks, progress);
  using body = await openBody(bodyFile);
  const tls: ClientTls = { ca: ca === undefined ? null : resolve(ca), own: null };
  const results = await sendDeliveries(
    tasks.map(({ vars }) => {
      const id = `push:${crypto.randomUUID()}`;
      return { id, vars, bodySize: body.size, readBody: body.read };
    }),
    {
      address,
      ...(isTls ? { tls } : {}),
      secret: secretFile === undefined ? null : await readSecret(secretFile),
      timeoutMs: TIMEOUT_MS,
      clock: systemClock,
      answered: progress.step,
    },
  );
  if (results === null) {
    if (isPlain) return yield* sendEach(address, tasks, progress);
    throw new Error(
      "it is a uWSGI, or hangs up at a ping: it accepts neither bodies nor signatures",
    );
  }
  for (const [index, how] of results.entries()) {
    if (how.kind === "lost") throw new Error(lostText(how.reason, index, results.length));
    yield how.kind === "accepted"
      ? { isAccepted: true, reason: null, standIn: how.name ?? null }
      : { isAccepted: false, reason: how.reason, standIn: null };
  }
}

function lostText(reason: string, index: number, count: number): string {
  return count === 1 ? reason : `task ${index + 1} of ${count} has no answer: ${reason}`;
}

/** One connection for each, as in version 0 of the protocol. */
async function* sendEach(
  address: Address,
  tasks: readonly PushedTask[],
  progress: Progress,
): AsyncGenerator<Sent> {
  for (const { vars } of tasks) {
    const isAccepted = await sendTask(address, vars);
    progress.step();
    yield { isAccepted, reason: null, standIn: null };
  }
}

const FORMS = `HOST:PORT, the path of a unix socket, @NAME or ${TLS_PREFIX}HOST:PORT`;

/** @param text without tls:// before it, which `to` may have */
function addressOf(text: string, to: string, isTls: boolean): Address {
  if (isStream(text)) {
    throw new UsageError(`push takes a stream of NATS as --dir ${safeText(text)}`);
  }
  if (/^[a-z][a-z+.-]*:\/\//i.test(text)) throw new UsageError(`--to takes ${FORMS}: "${to}"`);
  let address: Address;
  try {
    address = parseAddress(text);
  } catch (error) {
    throw new UsageError(`--to ${reasonOf(error)}: "${to}"`);
  }
  // A host without its port would be the name of a socket in this directory.
  const isBare = address.kind === "unix" && !/[/@]/.test(text) && !isThere(text);
  if (isBare || isTls && address.kind === "unix") {
    throw new UsageError(`--to takes ${FORMS}; did you mean ${text}:3031?: "${to}"`);
  }
  return address;
}

async function readSecret(file: string): Promise<string> {
  try {
    return parseSecret(await Deno.readTextFile(file));
  } catch (error) {
    throw new UsageError(`--secret-file ${file}: ${reasonOf(error)}`);
  }
}

export interface Body extends Disposable {
  readonly size: number;
  readonly read: Delivery["readBody"];
}

/** Its length is sent first: what comes from standard input is gathered in memory. */
export async function openBody(file: string | undefined): Promise<Body> {
  if (file === undefined) return inMemory(new Uint8Array(0));
  if (file === "-") {
    return inMemory(new Uint8Array(await new Response(Deno.stdin.readable).arrayBuffer()));
  }
  try {
    const open = await Deno.open(file);
    const { size } = await open.stat();
    return {
      size,
      read(into, offset) {
        open.seekSync(offset, Deno.SeekMode.Start);
        return open.readSync(into) ?? 0;
      },
      [Symbol.dispose]: () => open.close(),
    };
  } catch (error) {
    throw new UsageError(`--body-file cannot be read: ${reasonOf(error)}`);
  }
}

export function inMemory(bytes: Uint8Array): Body {
  return {
    size: bytes.length,
    read(into, offset) {
      const part = bytes.subarray(offset, offset + into.length);
      into.set(part);
      return part.length;
    },
    [Symbol.dispose]: () => {},
  };
}
