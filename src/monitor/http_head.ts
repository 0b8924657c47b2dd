/**
 * The head of an HTTP/1.1 request (RFC 9112). What is ambiguous is refused: a body without a length, a
 * length that is said twice, a header that goes on in the next line, an absolute URL. @pure
 */

export interface RequestHead {
  readonly method: string;
  /** As it was sent, without its query. */
  readonly path: string;
  readonly query: string;
  /** By lower-case names. */
  readonly headers: ReadonlyMap<string, string>;
  /** Bytes of the body. */
  readonly length: number;
  /** The connection may serve another request. */
  readonly keepAlive: boolean;
}

export class HttpRequestError extends Error {
  constructor(readonly status: number, message: string) {
    super(message);
  }
}

/** Headers of which two would contradict each other. */
const ONCE: ReadonlySet<string> = new Set([
  ...["host", "content-length", "content-type", "authorization", "origin", "sec-fetch-site"],
  "x-spooler-token",
]);
const MOST_HEADERS = 100;
const REQUEST_LINE = /^([A-Z]{1,20}) (\/[\x21-\x7e]*) HTTP\/1\.([01])$/;
const HEADER = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*$/;

/**
 * @param text the head, a character for each byte, without the empty line at its end
 * @throws {HttpRequestError}
 */
export function parseHead(text: string): RequestHead {
  const [first = "", ...lines] = text.split("\r\n");
  const [, method, target, minor] = REQUEST_LINE.exec(first) ?? [];
  if (method === undefined || target === undefined) {
    throw new HttpRequestError(400, "the request needs a first line such as GET / HTTP/1.1");
  }
  if (lines.length > MOST_HEADERS) {
    throw new HttpRequestError(431, "the request has too many headers");
  }
  const headers = new Map<string, string>();
  for (const line of lines) {
    const [, given, value = ""] = HEADER.exec(line) ?? [];
    if (given === undefined) {
      throw new HttpRequestError(400, "a header of the request is malformed");
    }
    const name = given.toLowerCase();
    const before = headers.get(name);
    if (before !== undefined && ONCE.has(name)) {
      throw new HttpRequestError(400, `the request has two headers ${name}`);
    }
    headers.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  if (minor === "1" && !headers.has("host")) {
    throw new HttpRequestError(400, "the request has no Host header");
  }
  if (headers.has("transfer-encoding")) {
    throw new HttpRequestError(411, "a body needs Content-Length, not Transfer-Encoding");
  }
  const length = headers.get("content-length") ?? "0";
  if (!/^\d{1,15}$/.test(length)) {
    throw new HttpRequestError(400, "Content-Length must be a number");
  }
  const [path = "", ...query] = target.split("?");
  const connection = headers.get("connection")?.toLowerCase() ?? "";
  return {
    ...{ method, path, query: query.join("?"), headers, length: Number(length) },
    keepAlive: minor === "1" ? !/\bclose\b/.test(connection) : /\bkeep-alive\b/.test(connection),
  };
}
