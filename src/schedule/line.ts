/**
 * A whole line of `cron`: five fields or an @nickname, and the command behind them.
 *
 * @pure
 */

import { type CronSpec, NICKNAMES, parseCron, type Word } from "./cron.ts";

/** When a line runs: by the calendar, or once at the next start of the machine. */
export type LineTime =
  | { readonly kind: "cron"; readonly spec: CronSpec }
  | { readonly kind: "reboot" };

export interface CronLine {
  readonly time: LineTime;
  /** The time as written, blanks made single. */
  readonly timeText: string;
  readonly command: string;
}

/**
 * @throws {SyntaxError} naming the field, its position in the line and what stands there; also for
 *   a command in the form of one more field, which some cron would read as seconds
 */
export function parseCronLine(text: string): CronLine {
  const words = wordsOf(text);
  const nickname = words[0]?.text.startsWith("@") === true;
  const timeWords = words.slice(0, nickname ? 1 : 5);
  const timeText = timeWords.map((word) => word.text).join(" ");
  const time = parseTime(timeWords, nickname);
  const first = words[timeWords.length];
  if (first === undefined) throw new SyntaxError("needs a command behind the time");
  if (/^[\d*,/-]+$/.test(first.text)) {
    throw new SyntaxError(
      `has five fields and then a command; character ${first.column} could be one more field`,
    );
  }
  return { time, timeText, command: text.slice(first.column - 1).trimEnd() };
}

/**
 * A time without a command.
 *
 * @throws {SyntaxError} as parseCronLine
 */
export function parseCronTime(text: string): LineTime {
  const words = wordsOf(text);
  const nickname = words[0]?.text.startsWith("@") === true;
  const extra = words[nickname ? 1 : 5];
  if (extra !== undefined) {
    throw new SyntaxError(`has more than its fields at character ${extra.column}: "${extra.text}"`);
  }
  return parseTime(words, nickname);
}

function parseTime(words: readonly Word[], nickname: boolean): LineTime {
  const name = words[0]?.text.toLowerCase();
  if (!nickname || name === undefined) return { kind: "cron", spec: parseCron(words) };
  if (name === "@reboot") return { kind: "reboot" };
  const fields = NICKNAMES[name];
  if (fields === undefined) {
    const every = name === "@every" ? "; intervals are timer2 = every=DURATION" : "";
    const known = [...Object.keys(NICKNAMES), "@reboot"].join(", ");
    throw new SyntaxError(`takes ${known}${every}; character 1 has "${name}"`);
  }
  return { kind: "cron", spec: parseCron(wordsOf(fields)) };
}

function wordsOf(text: string): Word[] {
  return [...text.matchAll(/\S+/g)].map((found) => ({ text: found[0], column: found.index + 1 }));
}
