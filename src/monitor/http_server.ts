/** `http-socket`: metrics and health over HTTP. It serves no application. */

import { type Address, addressText } from "../wire/address.ts";
import type { Clock } from "../platform/clock.ts";
import { isAuthorized, isForeignName } from "./http_access.ts";
import { fileAt, makeWay, type MonitorAccess } from "./monitor_socket.ts";
import type { MonitorServer } from "./monitors.ts";
import type { HttpUser } from "./settings.ts";

export interface HttpAnswer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

export interface HttpServerOptions {
  readonly address: Address;
  readonly access: MonitorAccess;
  readonly clock: Clock;
  /** As the configuration has them now. */
  users(): readonly HttpUser[];
  /** What stands at a path; null is nothing. */
  page(path: string, accept: string): Promise<HttpAnswer | null>;
}

const TEXT = "text/plain; charset=utf-8";
/** Requests that go on may take so long at the end. */
const END_MS = 1000;

export async function openHttpServer(options: HttpServerOptions): Promise<MonitorServer> {
  const { address, access, clock } = options;
  await makeWay(address);
  const abort = new AbortController();
  const shared = { signal: abort.signal, onListen: () => {}, onError: () => failed() };
  const handler = (request: Request) => answer(request, options);
  const server = address.kind === "tcp"
    ? Deno.serve({ ...shared, hostname: address.host, port: address.port }, handler)
    : Deno.serve({ ...shared, path: address.path }, handler);
  const file = fileAt(address);
  if (file !== null && address.kind === "unix") {
    if (access.owner) Deno.chownSync(address.path, access.owner.uid, access.owner.gid);
    Deno.chmodSync(address.path, access.mode);
  }
  const { addr } = server;
  return {
    address: addr.transport === "tcp"
      ? addressText({ kind: "tcp", host: addr.hostname, port: addr.port })
      : addressText(address),
    async close() {
      const cancel = clock.after(END_MS, () => abort.abort());
      await server.shutdown().catch(() => {});
      cancel();
      file?.afterClose();
    },
  };
}

async function answer(request: Request, options: HttpServerOptions): Promise<Response> {
  const { address, users, page } = options;
  const { method, headers, url } = request;
  const known = users();
  if (known.length > 0 && !isAuthorized(headers.get("authorization"), known)) {
    const challenge = { "www-authenticate": 'Basic realm="spooler", charset="UTF-8"' };
    return textResponse({ status: 401, type: TEXT, text: "who are you?\n" }, challenge);
  }
  if (known.length === 0 && address.kind === "tcp") {
    if (isForeignName(headers.get("host") ?? "", address.host)) {
      const text = "asked for under a name that is not this machine's: see docs/monitoring.md\n";
      return textResponse({ status: 403, type: TEXT, text });
    }
  }
  if (method !== "GET" && method !== "HEAD") {
    const text = "only GET is answered\n";
    return textResponse({ status: 405, type: TEXT, text }, { allow: "GET, HEAD" });
  }
  const found = await page(new URL(url).pathname, headers.get("accept") ?? "");
  return textResponse(found ?? { status: 404, type: TEXT, text: "no such page\n" });
}

function failed(): Response {
  return textResponse({ status: 500, type: TEXT, text: "it cannot be said now\n" });
}

function textResponse(
  { status, type, text }: HttpAnswer,
  more: Readonly<Record<string, string>> = {},
): Response {
  const headers = { "content-type": type, "cache-control": "no-store", ...more };
  const safe = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'",
  };
  return new Response(text, { status, headers: { ...headers, ...safe } });
}
