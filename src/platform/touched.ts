/** Files that a person touches to make something happen. */

import type { Cancel, Clock } from "./clock.ts";

const EVERY_MS = 1000;

/**
 * Checks the files each second, and calls `touched` with the first whose time has changed.
 *
 * @returns ends it
 */
export function watchTouched(
  files: readonly string[],
  clock: Clock,
  touched: (file: string) => void,
): Cancel {
  if (files.length === 0) return () => {};
  let cancel: Cancel = () => {};
  let isEnded = false;
  let before: readonly (number | null)[] | null = null;
  const check = async () => {
    const now = await Promise.all(files.map(touchedAt));
    if (isEnded) return;
    const known = before;
    before = now;
    const changed = files.find((_file, i) => known !== null && known[i] !== now[i]);
    cancel = clock.after(EVERY_MS, check);
    if (changed !== undefined) touched(changed);
  };
  check();
  return () => {
    isEnded = true;
    cancel();
  };
}

async function touchedAt(file: string): Promise<number | null> {
  const info = await Deno.stat(file).catch(() => null);
  return info?.mtime?.getTime() ?? null;
}
