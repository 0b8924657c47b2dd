/**
 * The options that hold for every socket: who may talk, how much, and how long it may take.
 *
 * @pure
 */

import { DAY_MS } from "../platform/zone.ts";
import { type Network, parseNetwork } from "../wire/network.ts";
import { MAX_VARS_SIZE } from "../wire/packet.ts";
import { isDeliveryId, LONGEST_ID, SIGNATURE_WINDOW_MS } from "../wire/signature.ts";
import type { ReceptionConfig } from "../server/settings.ts";
import type { Entry } from "./entry.ts";
import type { Given } from "./given.ts";
import { parseDuration, parseInteger, parseSeconds, parseSecret, parseSize } from "./value.ts";

const SHORTEST_TIMEOUT_SECONDS = 0.1;

export function receptionOf(given: Given): ReceptionConfig {
  const secrets = given.every("spooler-secret", parseSecret);
  return {
    allow: allowed(given),
    secrets,
    name: given.last<string | null>("spooler-name", parseName, null),
    pickles: given.last("spooler-pickle", parsePickles, "checked"),
    allowFunctions: allowedFunctions(given),
    socketMode: given.last("chmod-socket", parseMode, 0o660),
    socketOwner: given.last<ReceptionConfig["socketOwner"]>("chown-socket", parseOwner, null),
    backlog: given.last("listen", (text) => parseInteger(text, 1), 1024),
    timeoutMs: given.last("socket-timeout", timeoutMsOf, 4000),
    maxVarsSize: given.last("buffer-size", varsSizeOf, MAX_VARS_SIZE),
    maxBodySize: given.last("spooler-max-body", parseSize, 64 * 2 ** 20),
    maxPriority: given.last("spooler-max-priority", (text) => parseInteger(text, 0), 9),
    maxConnections: given.last("spooler-max-connections", (text) => parseInteger(text, 1), 4096),
    dedupWindowMs: given.last("spooler-dedup-window", (text) => windowOf(text, secrets), DAY_MS),
  };
}

/** Several lines add up; `any` in one of them is any. */
function allowed(given: Given): ReceptionConfig["allow"] {
  const lines = given.every("spooler-allow", parseAllow);
  if (lines.length === 0) return null;
  const networks = lines.flatMap((line) => line === "any" ? [] : line);
  return lines.includes("any") ? "any" : networks;
}

/** Several lines add up; an empty one allows nothing more. */
function allowedFunctions(given: Given): ReceptionConfig["allowFunctions"] {
  const lines = given.every("spooler-allow-functions", (text) => text.split(/\s+/));
  return lines.length === 0 ? null : lines.flat().filter((name) => name !== "");
}

function parseAllow(text: string): readonly Network[] | "any" {
  const words = text.split(/\s+/).filter((word) => word !== "");
  if (words.includes("any")) return "any";
  if (words.length === 0) throw new SyntaxError("needs networks such as 10.0.0.0/8, or any");
  return words.map(parseNetwork);
}

export function parseName(text: string): string {
  if (isDeliveryId(text)) return text;
  throw new SyntaxError(`needs 1 to ${LONGEST_ID} printable ASCII characters without a blank`);
}

function parsePickles(text: string): ReceptionConfig["pickles"] {
  if (text !== "checked" && text !== "trusted") throw new SyntaxError("needs checked or trusted");
  return text;
}

/** Octal; without a value everybody may connect, as in uWSGI. */
function parseMode(text: string): number {
  if (text === "" || text === "true") return 0o666;
  if (!/^0?[0-7]{3}$/.test(text)) throw new SyntaxError("needs permissions such as 660");
  return parseInt(text, 8);
}

function parseOwner(text: string, { place }: Entry): ReceptionConfig["socketOwner"] {
  const [, user = "", group] = /^([^:\s]+)(?::([^:\s]+))?$/.exec(text) ?? [];
  if (user === "") throw new SyntaxError("needs USER or USER:GROUP");
  return { user, group: group ?? null, place };
}

function timeoutMsOf(text: string): number {
  return 1000 * parseSeconds(text, SHORTEST_TIMEOUT_SECONDS);
}

/** An id must be known for as long as a signature is good, from either side of our clock. */
function windowOf(text: string, secrets: readonly string[]): number {
  const windowMs = parseDuration(text);
  if (secrets.length > 0 && windowMs < 2 * SIGNATURE_WINDOW_MS) {
    throw new SyntaxError("needs 10m or more with spooler-secret: a signature is good for so long");
  }
  return windowMs;
}

/** A packet can say no larger size. */
function varsSizeOf(text: string): number {
  return Math.min(parseInteger(text, 1), MAX_VARS_SIZE);
}
