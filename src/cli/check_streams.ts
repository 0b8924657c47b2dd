/** `spooler check --connect`: the streams of NATS that an ini names, as their servers have them. */

import type { Config } from "../config/config.ts";
import { NatsLink } from "../nats/link.ts";
import type { StreamAddress } from "../nats/settings.ts";
import { reportOn } from "../nats/stream.ts";
import type { Place, Problem } from "../platform/problem.ts";
import { reasonOf } from "../platform/reason.ts";
import { safeText } from "../report/safe_text.ts";
import { copies } from "./stream.ts";

const TIMEOUT_MS = 10_000;

export interface FoundStreams {
  /** A line for each stream that answers. */
  readonly found: readonly string[];
  /** What may cost tasks, or keep them waiting. */
  readonly warnings: readonly Problem[];
}

export async function findStreams(config: Config): Promise<FoundStreams> {
  const found: string[] = [];
  const warnings: Problem[] = [];
  for (const [address, place] of streamsIn(config)) {
    try {
      using link = await NatsLink.open({ address, access: config.nats, timeoutMs: TIMEOUT_MS });
      const { tasks, server, warnings: said } = await reportOn(link, null);
      found.push(`${address.text}\n      ${copies(tasks)}; server ${safeText(server)}`);
      for (const message of said) warnings.push({ place, message: `${address.text}: ${message}` });
    } catch (error) {
      warnings.push({ place, message: `${address.text}: ${safeText(reasonOf(error))}` });
    }
  }
  return { found, warnings };
}

/** Each once, with the line that names it first. */
function streamsIn({ streams, forwards }: Config): Map<StreamAddress, Place> {
  const all = [
    ...streams.map(({ address, place }) => ({ address, place })),
    ...forwards.flatMap(({ targets, place }) =>
      targets.flatMap((target) =>
        target.protocol === "nats" ? [{ address: target.address, place }] : []
      )
    ),
  ];
  const first = new Map(all.toReversed().map((each) => [each.address.text, each]));
  return new Map([...first.values()].reverse().map(({ address, place }) => [address, place]));
}
