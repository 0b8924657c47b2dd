/** A proxy that cuts the connection at every byte position, in both directions. */

import { findText } from "../../src/wire/packet.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { ForwardSite } from "../support/forward.ts";
import { Peer, plain, type Received, textOf } from "../support/peer.ts";
import { type Cut, CuttingProxy } from "../support/proxy.ts";
import { openReception } from "../support/reception.ts";
import { claimNow } from "../support/store.ts";

/** Forwarders that work at the same time; each has every so manyth position. */
const SITES = 8;
const BODY = new TextEncoder().encode("the body");

/**
 * For each position the tasks of one round are put, and the connection is cut there; the round ends when
 * all have been accepted. Ends behind the last position of a round.
 *
 * @returns the values of `n` that were sent, and how many connections were cut
 */
async function sendThroughCuts(
  port: number,
  direction: Cut["direction"],
  settings: { readonly secret: string | null },
  withBody: boolean,
): Promise<{ readonly sent: string[]; readonly cuts: number }> {
  const sent: string[] = [];
  let cuts = 0;
  const work = async (first: number) => {
    await using proxy = new CuttingProxy(port);
    await using site = await ForwardSite.start({ targets: [proxy.address], ...settings });
    for (let after = first;; after += SITES) {
      const before = proxy.cuts;
      proxy.cutNext({ direction, after });
      const name = `${direction}-${after}`;
      sent.push(name, `${name}-b`);
      await site.put({ n: name });
      await site.put({ n: `${name}-b` }, withBody ? BODY : undefined);
      await site.drained();
      if (proxy.cuts === before) break;
    }
    cuts += proxy.cuts;
    const fates = new Set(site.of("task.settled").map(({ fate }) => fate.kind));
    assertEquals([...fates], ["done"]);
  };
  await Promise.all(Array.from({ length: SITES }, (_, i) => work(i)));
  return { sent, cuts };
}

for (const secret of [null, "of two sides"]) {
  const signed = secret === null ? "" : ", signed";
  for (const direction of ["up", "down"] as const) {
    Deno.test(`cut ${direction} at every byte: all arrives once${signed}`, async () => {
      const ini = secret === null ? [] : [`spooler-secret = ${secret}`];
      await using hub = await openReception({ ini });
      const { sent, cuts } = await sendThroughCuts(hub.port, direction, { secret }, true);
      // Each byte of pings, vars and bodies, or of the answers to them.
      assert(cuts > (direction === "up" ? 300 : 70), `${cuts} cuts`);
      const received = [...hub.store.scan()].flat().map((ref) => {
        const task = claimNow(hub.store, ref);
        const body = new Uint8Array(task.bodySize);
        task.readBody(body, 0);
        const n = findText(task.vars, "n") ?? "";
        task.release();
        assertEquals(new TextDecoder().decode(body), n.endsWith("-b") ? "the body" : "");
        return n;
      });
      assertEquals(received.toSorted(), sent.toSorted());
    });
  }
}

for (const direction of ["up", "down"] as const) {
  Deno.test(`cut ${direction} at every byte on the way to a uWSGI: all arrives`, async () => {
    const accepted: Received[] = [];
    await using peer = new Peer(plain(accepted));
    const { sent, cuts } = await sendThroughCuts(peer.port, direction, { secret: null }, false);
    assert(cuts >= 4);
    const received = new Set(accepted.map((task) => textOf(task, "n")));
    assertEquals([...received].toSorted(), sent.toSorted());
  });
}
