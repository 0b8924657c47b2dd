/** What is asked over HTTP, and what is answered. @pure */

import type { RequestHead } from "./http_head.ts";
import type { HttpRole } from "./settings.ts";

/** Who asks. */
export interface Visitor {
  /** Null where nobody is asked for a name. */
  readonly user: string | null;
  readonly role: HttpRole;
  /** Something vouches for this one: a password, a certificate, the permissions of the socket. */
  readonly isKnown: boolean;
  /** `127.0.0.1:4711`, or `unix socket`. */
  readonly from: string;
}

export interface HttpRequest extends RequestHead {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly visitor: Visitor;
}

/**
 * Writes a body of unknown length. `send` resolves when the bytes are on their way, and rejects when the
 * peer has gone or reads too slowly; `signal` is aborted then.
 */
export type HttpStream = (
  send: (bytes: Uint8Array<ArrayBuffer>) => Promise<void>,
  signal: AbortSignal,
) => Promise<void>;

export interface HttpAnswer {
  readonly status: number;
  readonly type: string;
  readonly body: string | Uint8Array<ArrayBuffer> | HttpStream;
  /** By lower-case names; they replace those that every answer has. */
  readonly headers?: Readonly<Record<string, string>>;
}

export const PLAIN = "text/plain; charset=utf-8";

export function textAnswer(status: number, text: string): HttpAnswer {
  return { status, type: PLAIN, body: `${text}\n` };
}

const REASONS: Readonly<Record<number, string>> = {
  200: "OK",
  201: "Created",
  202: "Accepted",
  303: "See Other",
  304: "Not Modified",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  409: "Conflict",
  411: "Length Required",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  422: "Unprocessable Content",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  503: "Service Unavailable",
};

/** Of every answer: it runs nothing, is shown in no frame, and is kept by nobody. */
const ALWAYS: Readonly<Record<string, string>> = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "same-origin",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
};

/** @param length of the body; null is one that ends with the connection */
export function headText(
  { status, type, headers = {} }: HttpAnswer,
  length: number | null,
  keepAlive: boolean,
): string {
  const all: Record<string, string> = { "content-type": type, ...ALWAYS, ...headers };
  if (length !== null) all["content-length"] = String(length);
  all.connection = keepAlive ? "keep-alive" : "close";
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  // What has come from a request must not begin a header of its own.
  if (lines.some((line) => /[^\t\x20-\x7e]/.test(line))) throw new TypeError("a bad header");
  return `HTTP/1.1 ${status} ${REASONS[status] ?? "OK"}\r\n${lines.join("\r\n")}\r\n\r\n`;
}
