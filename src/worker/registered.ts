/** What task code has registered, as its worker says it: handlers of signals, and timers. @pure */

import { Fields } from "./fields.ts";
import { ProtocolError } from "./frame.ts";

/** A timer that code has asked for. `weekday` and its like are uWSGI's integers. */
export type TimerWish = TimerOrigin & TimerKind;

/** Where it comes from, as far as the worker can say. */
interface TimerOrigin {
  /** The handler's short name. */
  readonly name?: string;
  /** The handler's name with what it belongs to, as in `Job.handler`. */
  readonly function?: string;
  /** The line of task code that registered it. */
  readonly file?: string;
  readonly line?: number;
}

type TimerKind =
  | { readonly kind: "timer"; readonly signal: number; readonly seconds: number }
  | {
    readonly kind: "rbtimer";
    readonly signal: number;
    readonly seconds: number;
    /** 0 is without end. */
    readonly iterations: number;
  }
  | {
    readonly kind: "cron";
    readonly signal: number;
    readonly minute: number;
    readonly hour: number;
    readonly day: number;
    readonly month: number;
    readonly weekday: number;
  };

/** What the code has registered so far. */
export interface Registered {
  /** Numbers that have a handler. */
  readonly signals: readonly number[];
  /** What the handlers are called, by their numbers; not those without a name. */
  readonly handlers: Readonly<Record<string, string>>;
  readonly timers: readonly TimerWish[];
}

export function readRegistered(fields: Fields): Registered {
  return {
    signals: fields.list("signals").map((each) => signalNumber(each)),
    handlers: fields.textsByName("handlers"),
    timers: fields.list("timers").map((each) => timerWish(new Fields(each))),
  };
}

function signalNumber(value: unknown): number {
  if (Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 255) return Number(value);
  throw new ProtocolError(`a signal is a number from 0 to 255: ${JSON.stringify(value)}`);
}

function timerWish(fields: Fields): TimerWish {
  return {
    ...(fields.has("name") ? { name: fields.text("name") } : {}),
    ...(fields.has("function") ? { function: fields.text("function") } : {}),
    ...(fields.has("file") ? { file: fields.text("file") } : {}),
    ...(fields.has("line") ? { line: fields.whole("line") } : {}),
    ...timerKind(fields),
  };
}

function timerKind(fields: Fields): TimerKind {
  const kind = fields.text("kind");
  const signal = signalNumber(fields.number("signal"));
  switch (kind) {
    case "timer":
      return { kind, signal, seconds: fields.number("seconds") };
    case "rbtimer": {
      const iterations = fields.has("iterations") ? fields.whole("iterations") : 0;
      return { kind, signal, seconds: fields.number("seconds"), iterations };
    }
    case "cron":
      return {
        kind,
        signal,
        minute: fields.whole("minute"),
        hour: fields.whole("hour"),
        day: fields.whole("day"),
        month: fields.whole("month"),
        weekday: fields.whole("weekday"),
      };
    default:
      throw new ProtocolError(`unknown kind of timer "${kind}"`);
  }
}
