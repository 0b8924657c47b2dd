/** The running programs that work on the spools, or on the jobs, of a command. */

import type { Config } from "../config/config.ts";
import { askPrograms } from "../control/control_client.ts";
import { openForegroundControl, openJobControl } from "../control/job_control.ts";
import type { ControlRequest, ControlResults } from "../control/protocol.ts";
import { type Clock, systemClock, systemRandom } from "../platform/clock.ts";
import { userName } from "../platform/owner.ts";
import type { ProgramSnapshot } from "../report/snapshot.ts";
import type { ControlSockets } from "../spool/control_sockets.ts";
import { openPlatform } from "../spool/platform.ts";
import { type OpenSpool, openSpools, openSpoolsOf, type Where } from "./spools.ts";

/** Where programs can be asked: a spool, or the state of the jobs where there is none. */
export interface AskedPlace {
  readonly store: { readonly controlSockets: ControlSockets };
  readonly clock: Clock;
}

export interface OpenPlaces {
  readonly spools: readonly OpenSpool[];
  readonly places: readonly AskedPlace[];
  /** Where each `run-job` of the ini can be asked; null without an ini. */
  readonly foreground: AskedPlace | null;
}

/**
 * What --dir or --ini mean, an ini that has jobs and no spool included.
 *
 * @param words the tasks that are named
 */
export async function openPlaces(
  command: string,
  where: Where,
  words: readonly string[] = [],
): Promise<OpenPlaces> {
  let statePath = "";
  const loaded = ({ cronState }: Config) => void (statePath = cronState);
  const spools = await openSpools(command, where, { words, loaded, mayHaveNone: true });
  const foreground = statePath === "" ? null : placeAt(openForegroundControl, statePath);
  return { spools, places: askedPlaces(spools, statePath), foreground };
}

/** Those of a configuration that is loaded already. */
export function placesOf(command: string, config: Config): readonly AskedPlace[] {
  return askedPlaces(openSpoolsOf(command, config), config.cronState);
}

function askedPlaces(spools: readonly OpenSpool[], statePath: string): readonly AskedPlace[] {
  return spools.length > 0 ? spools : [placeAt(openJobControl, statePath)];
}

function placeAt(open: typeof openJobControl, statePath: string): AskedPlace {
  const common = { clock: systemClock, random: systemRandom };
  return { store: open(statePath, { ...openPlatform(), ...common }), ...common };
}

/** Asks each program of a place, one after the other. */
export function asked<R extends ControlRequest>(
  { store, clock }: AskedPlace,
  request: R,
): AsyncGenerator<ControlResults[R["do"]]> {
  return askPrograms(store.controlSockets, request, clock);
}

/** What each program is doing, once, however many of the places it works on. */
export async function snapshotsOf(places: readonly AskedPlace[]): Promise<ProgramSnapshot[]> {
  const found = new Map<string, ProgramSnapshot>();
  for (const place of places) {
    for await (const snapshot of asked(place, { do: "snapshot" })) {
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
