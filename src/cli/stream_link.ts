/** How a command reaches a stream of NATS: `--dir nats://…/STREAM`, and the login of an ini. */

import { StreamQueue } from "../cluster/stream_queue.ts";
import { NatsLink } from "../nats/link.ts";
import { isForbidden, refusalOf } from "../nats/login.ts";
import { WITHOUT_PROOF } from "../nats/settings.ts";
import { requireStream } from "../nats/stream.ts";
import { parseStreamAddress } from "../nats/stream_address.ts";
import { systemClock } from "../platform/clock.ts";
import { maskShapes } from "../report/secrets.ts";
import { safeText } from "../report/safe_text.ts";
import { UsageError } from "./error.ts";
import { iniArgs, loadIni } from "./ini.ts";

const TIMEOUT_MS = 10_000;

/**
 * The link is closed when `act` has ended.
 *
 * @param ini whose spooler-nats says how to log in
 */
export async function withLink<T>(
  what: string,
  text: string,
  ini: string | undefined,
  act: (link: NatsLink) => Promise<T>,
): Promise<T> {
  const address = parsed(what, text, parseStreamAddress);
  const args = iniArgs(ini);
  const access = args === null ? WITHOUT_PROOF : (await loadIni(args)).config.nats;
  using link = await NatsLink.open({ address, access, timeoutMs: TIMEOUT_MS });
  try {
    return await act(link);
  } catch (error) {
    throw isForbidden(link.library, error) ? refusalOf(link.library, access, error) : error;
  }
}

/** The same for the stream that --dir names. @throws {Error} when there is none */
export function withStream<T>(
  { dir = "", ini }: { readonly dir?: string; readonly ini?: string },
  act: (queue: StreamQueue) => Promise<T>,
): Promise<T> {
  return withLink("--dir", dir, ini, async (link) => {
    await requireStream(link);
    return await act(new StreamQueue(link, systemClock));
  });
}

/** @throws {UsageError} that names what is wrong, and hides what may be a password */
export function parsed<T>(what: string, text: string, parse: (text: string) => T): T {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new UsageError(`${what} ${error.message}: "${safeText(maskShapes(text))}"`);
  }
}
