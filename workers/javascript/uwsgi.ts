/** The global `uwsgi` of task code. `workers/uwsgi.d.ts` says what task code may expect of it. */

import { format } from "node:util";
import { joined } from "../../src/platform/bytes.ts";
import { parseAddress } from "../../src/wire/address.ts";
import { sendTask } from "../../src/wire/client.ts";
import { encodePacket, MODIFIER_SPOOL, textVar, type Var } from "../../src/wire/packet.ts";
import type { Setup } from "../../src/worker/message.ts";
import type { TimerWish } from "../../src/worker/registered.ts";
import { realm } from "./realm.ts";
import { SPOOL_IGNORE, SPOOL_OK, SPOOL_RETRY } from "./functions.ts";
import type { SignalFunction, SignalRegistry } from "./signals.ts";

/** Trying again will not help: the task goes to failed/ at once. */
export class Permanent extends Error {
  override name = "Permanent";
}

/** Asks the master for something. */
export type Call = (
  method: string,
  args?: Readonly<Record<string, unknown>>,
  tail?: Uint8Array,
) => Promise<unknown>;

type Value = string | number | boolean | bigint | Date | Uint8Array;

const encoder = new TextEncoder();

export interface Master {
  readonly call: Call;
  /** Writes a line to the log. */
  log(line: string): void;
}

export function makeUwsgi(setup: Setup, { call, log }: Master, registry: SignalRegistry) {
  return Object.freeze({
    SPOOL_OK,
    SPOOL_RETRY,
    SPOOL_IGNORE,
    Permanent,
    opt: optionsOf(setup.options),
    version: setup.version,
    hostname: setup.hostname,
    spoolers: [...setup.spools],
    masterpid: setup.master,
    numproc: setup.processes,
    workerId: setup.worker,

    async spool(vars: Readonly<Record<string, Value | undefined>>): Promise<string> {
      const { bodySize, tail } = realm.asWorker(() => {
        const { list, body } = taskVars(vars);
        return {
          bodySize: body.length,
          tail: joined([encodePacket(list, MODIFIER_SPOOL), body]),
        };
      });
      return String(await call("spool", { bodySize }, tail));
    },
    async sendMessage(
      address: string,
      vars: Readonly<Record<string, Value | undefined>>,
    ): Promise<boolean> {
      const { list, body } = taskVars(vars);
      if (body.length > 0) list.push(textVar("body", body));
      return await sendTask(parseAddress(address), list);
    },
    log: (...data: unknown[]) => log(format(...data)),
    raise: (signal: number) => call("signal", { signal }).then(() => {}),

    signal: (signal: number, handler: SignalFunction) => registry.handle(signal, handler),
    timer(seconds: number, handler: SignalFunction): void {
      const each = secondsOf(seconds);
      registry.addTimer(handler, (signal) => ({ kind: "timer", signal, seconds: each }));
    },
    rbtimer(seconds: number, handler: SignalFunction, iterations = 0): void {
      const each = secondsOf(seconds);
      registry.addTimer(
        handler,
        (signal) => ({ kind: "rbtimer", signal, seconds: each, iterations }),
      );
    },
    cron(
      minute: number,
      hour: number,
      day: number,
      month: number,
      weekday: number,
      handler: SignalFunction,
    ): void {
      const fields = { minute, hour, day, month, weekday };
      for (const [name, value] of Object.entries(fields)) {
        if (!Number.isInteger(value)) throw new TypeError(`${name} needs a whole number: ${value}`);
      }
      registry.addTimer(handler, (signal): TimerWish => ({ kind: "cron", signal, ...fields }));
    },
  });
}

function secondsOf(seconds: number): number {
  if (Number.isFinite(seconds) && seconds >= 0) return seconds;
  throw new TypeError(`a timer needs a number of seconds: ${seconds}`);
}

/** Options as the ini had them; a list for one that comes more than once. */
function optionsOf(options: Setup["options"]): Readonly<Record<string, unknown>> {
  const opt = Object.create(null) as Record<string, string | true | (string | true)[]>;
  for (const [name, value] of options) {
    const before = opt[name];
    opt[name] = before === undefined
      ? value
      : [...(Array.isArray(before) ? before : [before]), value];
  }
  return Object.freeze(opt);
}

/** `body` is no var: it goes behind them, of any length. */
function taskVars(vars: Readonly<Record<string, Value | undefined>>) {
  const list: Var[] = [];
  let body: Uint8Array = new Uint8Array(0);
  for (const [name, value] of Object.entries(vars)) {
    if (value === undefined) continue;
    const bytes = value instanceof Uint8Array ? value : encoder.encode(valueText(name, value));
    if (name === "body") body = bytes;
    else list.push(textVar(name, bytes));
  }
  return { list, body };
}

function valueText(name: string, value: Exclude<Value, Uint8Array>): string {
  if (value instanceof Date) {
    const ms = value.getTime();
    if (Number.isNaN(ms)) throw new TypeError(`${name} is not a valid date`);
    return String(Math.ceil(ms / 1000));
  }
  if (["string", "number", "boolean", "bigint"].includes(typeof value)) return String(value);
  throw new TypeError(
    `${name} needs a string, a number, a boolean, a Date or bytes: ${typeof value}`,
  );
}
