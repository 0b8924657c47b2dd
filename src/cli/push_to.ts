/** `spooler push --to`: sends a task to a peer, with its body and a signature if need be. */

import { resolve } from "@std/path";
import { parseSecret } from "../config/value.ts";
import type { Delivery } from "../forward/delivery.ts";
import { sendDelivery } from "../forward/send.ts";
import { systemClock } from "../platform/clock.ts";
import { type Address, parseAddress, TLS_PREFIX } from "../wire/address.ts";
import { sendTask } from "../wire/client.ts";
import type { ClientTls } from "../wire/dial.ts";
import type { Var } from "../wire/packet.ts";
import { UsageError } from "./error.ts";
import { note } from "./output.ts";
import { reasonOf } from "../platform/reason.ts";

export interface PushTo {
  /** `HOST:PORT`, a path, `@NAME`, or `tls://HOST:PORT`. */
  readonly to: string;
  /** Trusted besides the public certificates. */
  readonly ca: string | undefined;
  readonly secretFile: string | undefined;
  readonly bodyFile: string | undefined;
}

const TIMEOUT_MS = 30_000;

/** Prints accepted or refused, and returns 0 or 1; why it is refused goes to stderr. */
export async function pushTo(where: PushTo, vars: readonly Var[]): Promise<number> {
  const { to, ca, secretFile, bodyFile } = where;
  const isTls = to.startsWith(TLS_PREFIX);
  const address = addressOf(isTls ? to.slice(TLS_PREFIX.length) : to);
  if (ca !== undefined && !isTls) throw new UsageError(`--ca needs --to ${TLS_PREFIX}HOST:PORT`);
  // What a uWSGI understands, too.
  if (!isTls && secretFile === undefined && bodyFile === undefined) {
    return printed(await sendTask(address, vars));
  }
  const tls: ClientTls = { ca: ca === undefined ? null : resolve(ca), own: null };
  using body = await openBody(bodyFile);
  const id = `push:${crypto.randomUUID()}`;
  const how = await sendDelivery({ id, vars, bodySize: body.size, readBody: body.read }, {
    address,
    ...(isTls ? { tls } : {}),
    secret: secretFile === undefined ? null : await readSecret(secretFile),
    timeoutMs: TIMEOUT_MS,
    clock: systemClock,
  });
  if (how.kind === "lost") throw new Error(how.reason);
  if (how.kind !== "accepted") note(how.reason);
  return printed(how.kind === "accepted");
}

function printed(isAccepted: boolean): number {
  console.log(isAccepted ? "accepted" : "refused");
  return isAccepted ? 0 : 1;
}

function addressOf(text: string): Address {
  try {
    return parseAddress(text);
  } catch (error) {
    throw new UsageError(`--to ${reasonOf(error)}: "${text}"`);
  }
}

async function readSecret(file: string): Promise<string> {
  try {
    return parseSecret(await Deno.readTextFile(file));
  } catch (error) {
    throw new UsageError(`--secret-file ${file}: ${reasonOf(error)}`);
  }
}

interface Body extends Disposable {
  readonly size: number;
  readonly read: Delivery["readBody"];
}

/** Its length is sent first: what comes from standard input is gathered in memory. */
async function openBody(file: string | undefined): Promise<Body> {
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

function inMemory(bytes: Uint8Array): Body {
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
