/** The names of task files. @pure */

/** What every task file's name begins with; uWSGI ignores all others. */
export const TASK_PREFIX = "uwsgi_spoolfile_on_";

export interface NameParts {
  readonly host: string;
  readonly pid: number;
  /** Counts the tasks of one process. */
  readonly counter: number;
  readonly random: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/**
 * A new task's name, as uWSGI makes them (core/spooler.c, spooler_generate_name). The clock has whole
 * milliseconds; below them the tasks of one are counted, so that their names end differently.
 */
export function taskName({ host, pid, counter, random, now }: NameParts): string {
  const seconds = Math.floor(now / 1000);
  const measured = Math.floor((now % 1000) * 1000);
  const micros = measured % 1000 === 0 ? measured + counter % 1000 : measured;
  const safeHost = host.replaceAll(/[^A-Za-z0-9.-]/g, "_");
  return `${TASK_PREFIX}${safeHost}_${pid}_${counter}_${random}_${seconds}_${micros}`;
}
