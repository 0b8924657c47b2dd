/** `stats` and `http-socket`: where the program says what it is doing. @pure */

import { addressText } from "../wire/address.ts";
import { isLoopback } from "../wire/network.ts";
import type { HttpUser, MonitorAddress, MonitorConfig } from "../monitor/settings.ts";
import type { Given } from "./given.ts";
import { addressOf } from "./listeners.ts";
import { parseBoolean } from "./value.ts";

/** An ini with one of these is uWSGI's, too, and its http-socket the one that people visit. */
const APPLICATIONS = ["module", "wsgi-file", "mount"] as const;

export function monitorOf(given: Given): MonitorConfig {
  const httpUsers = given.every("spooler-http-auth", parseUser);
  return {
    stats: given.every("stats", (text, entry) => ({
      address: addressOf(given, text, entry),
      place: entry.place,
    })),
    statsHttp: given.last("stats-http", parseBoolean, false),
    statsMinified: given.last("stats-minified", parseBoolean, false),
    http: given.every("http-socket", (text, entry) => {
      if (httpUsers.length === 0 && APPLICATIONS.some((name) => given.entriesOf(name).length > 0)) {
        const why = "is taken for that of the web application, and left out";
        given.warning(entry, `${why}; spooler-http-auth makes it one for metrics and health`);
        return [];
      }
      const address = addressOf(given, text, entry);
      mustBeGuarded({ address, place: entry.place }, httpUsers);
      return [{ address, place: entry.place }];
    }).flat(),
    httpUsers,
  };
}

function mustBeGuarded({ address }: MonitorAddress, users: readonly HttpUser[]): void {
  if (users.length > 0 || address.kind === "unix" || isLoopback(address.host)) return;
  throw new SyntaxError(
    `needs spooler-http-auth = USER:@(FILE): others reach ${addressText(address)}; without it ` +
      "127.0.0.1, [::1] and unix sockets are possible",
  );
}

/** Its error does not repeat it. */
function parseUser(text: string): HttpUser {
  const colon = text.indexOf(":");
  const [user, password] = [text.slice(0, colon), text.slice(colon + 1)];
  if (colon < 1 || password.length < SHORTEST_PASSWORD) {
    throw new SyntaxError(
      `needs USER:@(FILE), a password of ${SHORTEST_PASSWORD} characters or more`,
    );
  }
  return { user, password };
}

const SHORTEST_PASSWORD = 8;
