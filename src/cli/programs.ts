/** The running programs that work on the spools of a command. */

import { askPrograms } from "../control/control_client.ts";
import type { ControlRequest, ControlResults } from "../control/protocol.ts";
import { userName } from "../platform/owner.ts";
import type { ProgramSnapshot } from "../report/snapshot.ts";
import type { OpenSpool } from "./spools.ts";

/** Asks each program that works on a spool, one after the other. */
export function asked<R extends ControlRequest>(
  { store, clock }: OpenSpool,
  request: R,
): AsyncGenerator<ControlResults[R["do"]]> {
  return askPrograms(store.controlSockets, request, clock);
}

/** What each program is doing, once, however many of the spools it works on. */
export async function snapshotsOf(spools: readonly OpenSpool[]): Promise<ProgramSnapshot[]> {
  const found = new Map<string, ProgramSnapshot>();
  for (const spool of spools) {
    for await (const snapshot of asked(spool, { do: "snapshot" })) {
      found.set(`${snapshot.pid} ${snapshot.startedAt}`, snapshot);
    }
  }
  return [...found.values()].toSorted((a, b) => a.startedAt - b.startedAt);
}

/** Who runs this command, for the log of the program. */
export function whoAsks(): string {
  const user = userName(Deno.uid() ?? 0);
  const behind = Deno.env.get("SUDO_USER");
  return behind === undefined || behind === user ? user : `${behind} as ${user}`;
}
