/** `stats`, `http-socket` and what belongs to them: where the program says what it is doing. @pure */

import type { HttpUser, MonitorConfig } from "../monitor/settings.ts";
import type { ListenerConfig } from "../server/settings.ts";
import { addressText } from "../wire/address.ts";
import { isLoopback } from "../wire/network.ts";
import type { CheckHost } from "./checks.ts";
import type { Entry } from "./entry.ts";
import type { Given } from "./given.ts";
import { addressOf, secureSockets } from "./listeners.ts";
import { parseBoolean } from "./value.ts";

/** An ini with one of these is uWSGI's, too, and its http-socket the one that people visit. */
const APPLICATIONS = ["module", "wsgi-file", "mount"] as const;

export function monitorOf(given: Given, host: Pick<CheckHost, "inherited">): MonitorConfig {
  const httpUsers = [
    ...given.every("spooler-http-auth", (text) => parseUser(text, "operator")),
    ...given.every("spooler-http-viewer", (text) => parseUser(text, "viewer")),
    ...given.every("spooler-http-token", parseToken),
  ];
  return {
    stats: given.every("stats", (text, entry) => ({
      address: addressOf(given, text, entry),
      place: entry.place,
    })),
    statsHttp: given.last("stats-http", parseBoolean, false),
    statsMinified: given.last("stats-minified", parseBoolean, false),
    http: [
      ...given.every("http-socket", (text, entry) => {
        if (isOfApplication(given, entry, httpUsers)) return [];
        const address = addressOf(given, text, entry);
        return [guarded({ address, tls: null, place: entry.place }, httpUsers)];
      }),
      ...given.every("https-socket", (text, entry) => {
        if (isOfApplication(given, entry, httpUsers)) return [];
        return secureSockets(given, text, entry, host).map((each) => guarded(each, httpUsers));
      }),
    ].flat(),
    httpUsers,
    httpReadonly: given.last("spooler-http-readonly", parseBoolean, false),
  };
}

function isOfApplication(given: Given, entry: Entry, users: readonly HttpUser[]): boolean {
  if (users.length > 0 || !APPLICATIONS.some((name) => given.entriesOf(name).length > 0)) {
    return false;
  }
  const why = "is taken for that of the web application, and left out";
  given.warning(entry, `${why}; spooler-http-auth makes it one for the dashboard and metrics`);
  return true;
}

function guarded(socket: ListenerConfig, users: readonly HttpUser[]): ListenerConfig {
  const { address, tls } = socket;
  const isGuarded = users.length > 0 || (tls !== null && tls.ca !== null);
  if (isGuarded || address.kind === "unix" || isLoopback(address.host)) return socket;
  throw new SyntaxError(
    `needs spooler-http-auth = USER:@(FILE): others reach ${addressText(address)}; without it ` +
      "127.0.0.1, [::1] and unix sockets are possible",
  );
}

/** Its error does not repeat it. */
function parseUser(text: string, role: HttpUser["role"]): HttpUser {
  const colon = text.indexOf(":");
  const [user, password] = [text.slice(0, colon), text.slice(colon + 1)];
  if (colon < 1 || password.length < SHORTEST_PASSWORD) {
    throw new SyntaxError(
      `needs USER:@(FILE), a password of ${SHORTEST_PASSWORD} characters or more`,
    );
  }
  return { user, password, role };
}

const SHORTEST_PASSWORD = 8;

/** Its error does not repeat it. */
function parseToken(text: string): HttpUser {
  const [, user, token] = /^([^:]+):(\S+)$/.exec(text.trim()) ?? [];
  if (user === undefined || token === undefined || token.length < SHORTEST_TOKEN) {
    const wish = `a token of ${SHORTEST_TOKEN} characters or more, without blanks`;
    throw new SyntaxError(`needs NAME:@(FILE), ${wish}`);
  }
  return { user, password: token, role: "producer" };
}

const SHORTEST_TOKEN = 20;
