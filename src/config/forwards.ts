/** `spooler-forward`, `spooler-forward2`: spools whose tasks are delivered elsewhere. @pure */

import { WINDOW } from "../wire/peer.ts";
import {
  type Address,
  addressText,
  isAbstract,
  parseAddress,
  TLS_PREFIX,
} from "../wire/address.ts";
import type { ClientTls } from "../wire/dial.ts";
import type { ForwardConfig, ForwardTarget, TargetKind } from "../forward/settings.ts";
import type { NatsAccess } from "../nats/settings.ts";
import { isStreamAddress, parseStreamAddress } from "../nats/stream_address.ts";
import type { Entry } from "./entry.ts";
import type { Given } from "./given.ts";
import { parseSettings } from "./settings.ts";
import { parseName } from "./reception.ts";
import type { SpoolSettings } from "./spools.ts";
import { parseInteger, parseSeconds, parseSecret } from "./value.ts";
import { counted } from "../platform/count_text.ts";

const TIMEOUT_SECONDS = 30;
const MOST_CONNECTIONS = 16;
/** Each holds its task's file open, and many systems allow 1,024. */
const MOST_UNDER_WAY = 512;
const KEYS = [
  ...[
    "dir",
    "to",
    "kind",
    "name",
    "policy",
    "connections",
    "timeout",
    "secret",
    "ca",
    "cert",
    "key",
  ],
];

/** What all forwards have in common. */
interface Base {
  readonly settings: SpoolSettings;
  /** The first `spooler-secret`: a second is there to be accepted, not to be used. */
  readonly secret: string | null;
  readonly access: NatsAccess;
}

/**
 * @param settings what holds for every spool
 * @param secrets those of `spooler-secret`
 * @param access to streams
 */
export function forwardsOf(
  given: Given,
  settings: SpoolSettings,
  secrets: readonly string[],
  access: NatsAccess,
): ForwardConfig[] {
  const base: Base = { settings, secret: secrets[0] ?? null, access };
  return [
    ...given.every("spooler-forward", (text, entry) => plainForward(given, base, text, entry)),
    ...given.every("spooler-forward2", (text, entry) => tunedForward(given, base, text, entry)),
  ];
}

function plainForward(given: Given, base: Base, text: string, entry: Entry): ForwardConfig {
  const [dir, ...targets] = text.trim().split(/\s+/);
  if (!dir || targets.length === 0) {
    throw new SyntaxError("needs DIR TARGET, as in /var/spool/hub hub.example:3031");
  }
  return forward(base, entry, {
    dir: given.path(dir, entry),
    targets: targets.map((target) => targetOf(given, base, target, entry)),
  });
}

function tunedForward(given: Given, base: Base, text: string, entry: Entry): ForwardConfig {
  const { values, rest } = parseSettings(text, KEYS);
  const dir = values.get("dir");
  const targets = (values.get("to") ?? "").split(";").filter((target) => target !== "");
  if (!dir || targets.length === 0 || rest !== "") {
    throw new SyntaxError("needs dir=DIR,to=TARGET[;TARGET…] and settings, without blanks");
  }
  const read = <T>(key: string, parse: (value: string) => T, fallback: T): T => {
    const value = values.get(key);
    return value === undefined ? fallback : parse(value);
  };
  const file = (key: string) => read<string | null>(key, (path) => given.path(path, entry), null);
  const kinds = forEach(targets, "kind", read("kind", listOf(parseKind), []));
  const receivers = forEach(targets, "name", read("name", listOf(parseName), []));
  const secret = read<string | null>("secret", parseSecret, base.secret);
  if (secret === null && receivers.length > 0) {
    throw new SyntaxError("needs secret= beside name=: without it nobody can prove a name");
  }
  if (targets.some(isStreamAddress) && kinds.length + receivers.length > 0) {
    throw new SyntaxError("takes kind= and name= where every target is a peer, and one is nats://");
  }
  return forward(base, entry, {
    dir: given.path(dir, entry),
    targets: targets.map((text, i) => {
      const target = targetOf(given, base, text, entry);
      if (target.protocol === "nats") return target;
      return { ...target, kind: kinds[i] ?? "auto", receiver: receivers[i] ?? null };
    }),
    policy: read("policy", parsePolicy, "failover"),
    connections: read("connections", parseConnections, 1),
    timeoutMs: 1000 * read("timeout", (value) => parseSeconds(value, 0.1), TIMEOUT_SECONDS),
    secret,
    tls: { ca: file("ca"), own: ownCertificate(file("cert"), file("key")) },
  });
}

type Tuned = Pick<ForwardConfig, "targets"> & { readonly dir: string } & Partial<ForwardConfig>;

function forward(base: Base, { place }: Entry, { dir, ...tuned }: Tuned): ForwardConfig {
  const { connections = 1, tls = { ca: null, own: null }, targets, policy = "failover" } = tuned;
  const isTls = (target: ForwardTarget) => target.protocol === "uwsgi" && target.tls;
  if (!targets.some(isTls) && (tls.ca !== null || tls.own !== null)) {
    throw new SyntaxError(`has certificates and no target with TLS, as in ${TLS_PREFIX}host:port`);
  }
  return {
    policy,
    connections,
    tls,
    timeoutMs: 1000 * TIMEOUT_SECONDS,
    secret: base.secret,
    ...tuned,
    place,
    spool: {
      ...base.settings,
      dir,
      external: false,
      harakiriMs: null,
      // As many as the connections carry; while a target is down, the forwarder says fewer.
      processes: Math.min(
        MOST_UNDER_WAY,
        connections * WINDOW * (policy === "balance" ? targets.length : 1),
      ),
    },
  };
}

function targetOf(given: Given, { access }: Base, text: string, entry: Entry): ForwardTarget {
  if (isStreamAddress(text)) {
    return { protocol: "nats", text, names: [text], address: parseStreamAddress(text), access };
  }
  const tls = text.startsWith(TLS_PREFIX);
  const parsed = parseAddress(tls ? text.slice(TLS_PREFIX.length) : text);
  if (tls && parsed.kind !== "tcp") throw new SyntaxError(`needs ${TLS_PREFIX}host:port`);
  if (parsed.kind === "tcp" && parsed.port === 0) throw new SyntaxError("needs a port above 0");
  const address: Address = parsed.kind === "unix" && !isAbstract(parsed.path)
    ? { ...parsed, path: given.path(parsed.path, entry) }
    : parsed;
  const names = [...new Set([text, addressText(parsed), addressText(address)])];
  return { protocol: "uwsgi", text, names, address, tls, kind: "auto", receiver: null };
}

function listOf<T>(parse: (text: string) => T): (text: string) => readonly T[] {
  return (text) => text.split(";").map(parse);
}

/** A setting of which there is one for all targets, or one for each; none at all stays none. */
function forEach<T>(targets: readonly string[], key: string, values: readonly T[]): readonly T[] {
  const [only] = values;
  if (only !== undefined && values.length === 1) return targets.map(() => only);
  if (values.length === 0 || values.length === targets.length) return values;
  throw new SyntaxError(
    `needs one ${key}= for all targets, or one for each: ${counted(targets.length, "target")}, ` +
      `${values.length} in ${key}=`,
  );
}

function parseKind(kind: string): TargetKind {
  if (kind === "auto" || kind === "spooler" || kind === "uwsgi") return kind;
  throw new SyntaxError("takes kind=auto, kind=spooler or kind=uwsgi");
}

function parsePolicy(text: string): ForwardConfig["policy"] {
  if (text === "failover" || text === "balance") return text;
  throw new SyntaxError("takes policy=failover or policy=balance");
}

function parseConnections(text: string): number {
  const connections = parseInteger(text, 1);
  if (connections <= MOST_CONNECTIONS) return connections;
  throw new SyntaxError(`takes ${MOST_CONNECTIONS} connections at most`);
}

function ownCertificate(cert: string | null, key: string | null): ClientTls["own"] {
  if (cert === null && key === null) return null;
  if (cert === null || key === null) throw new SyntaxError("needs cert= and key= together");
  return { cert, key };
}
