/** What a running program holds of the machine. */

import { textOf } from "../../src/platform/quietly.ts";
import { descendants } from "../support/processes.ts";

export interface Footprint {
  /** Anonymous memory of the program alone; what it maps of files is shared and comes back. */
  readonly memoryMiB: number;
  readonly descriptors: number;
  readonly children: number;
  readonly threads: number;
  /** Anonymous memory of its children together. */
  readonly childrenMiB: number;
}

/** How much of each may come with time that is no leak. */
export const MAY_GROW: Footprint = {
  memoryMiB: 24,
  descriptors: 2,
  children: 0,
  threads: 2,
  childrenMiB: 64,
};

export const FIGURES = Object.keys(MAY_GROW) as (keyof Footprint)[];

export function footprintOf(pid: number): Footprint {
  const children = descendants(pid);
  return {
    memoryMiB: anonymousMiB(pid),
    descriptors: [...Deno.readDirSync(`/proc/${pid}/fd`)].length,
    children: children.length,
    threads: [...Deno.readDirSync(`/proc/${pid}/task`)].length,
    childrenMiB: children.reduce((sum, child) => sum + anonymousMiB(child), 0),
  };
}

/** The least of each: garbage that is still to be collected, and a job that just runs, are no growth. */
export function leastOf(samples: readonly Footprint[]): Footprint {
  const least = (figure: keyof Footprint) => Math.min(...samples.map((each) => each[figure]));
  return Object.fromEntries(
    FIGURES.map((figure) => [figure, least(figure)]),
  ) as unknown as Footprint;
}

/** 0 when it has just ended. */
function anonymousMiB(pid: number): number {
  const text = textOf(`/proc/${pid}/smaps_rollup`) ?? "Anonymous: 0 kB";
  return Math.round(Number(/^Anonymous:\s+(\d+) kB$/m.exec(text)?.[1]) / 1024);
}

export const textOfFootprint = (footprint: Footprint) =>
  `${footprint.memoryMiB} MiB, ${footprint.descriptors} descriptors, ${footprint.children} children ` +
  `(${footprint.childrenMiB} MiB), ${footprint.threads} threads`;
