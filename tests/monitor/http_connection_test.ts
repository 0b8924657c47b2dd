/** One connection of `http-socket`, with a peer that does as it likes. */

import { HttpConnection } from "../../src/monitor/http_connection.ts";
import { OpenAnswers } from "../../src/monitor/open_answers.ts";
import type { HttpAnswer, HttpRequest } from "../../src/monitor/http_answer.ts";
import { Deadlines } from "../../src/server/deadlines.ts";
import type { PeerStream } from "../../src/server/stream.ts";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";

interface Conversation {
  /** What the peer has got. */
  readonly got: () => string;
  readonly requests: readonly HttpRequest[];
  readonly ended: Promise<void>;
  readonly clock: FakeClock;
  say(text: string): void;
  /** The peer says nothing more. */
  end(): void;
  readonly isClosed: () => boolean;
}

interface Peer {
  readonly answer?: (request: HttpRequest) => HttpAnswer;
  /** It takes nothing of what is sent. */
  readonly isDeaf?: boolean;
  /** There is room for one more stream. */
  readonly hasStreams?: boolean;
  readonly answers?: OpenAnswers;
}

const OK: HttpAnswer = { status: 200, type: "text/plain", body: "hello" };

/** Nothing of it waits for time: a turn of the event loop later all has happened. */
const settled = () => new Promise<void>((done) => setTimeout(done));

function converse(
  { answer = () => OK, isDeaf = false, hasStreams = true, answers = new OpenAnswers(1000) }: Peer =
    {},
): Conversation {
  const clock = new FakeClock();
  const sent: string[] = [];
  const waiting: Uint8Array[] = [];
  const requests: HttpRequest[] = [];
  let [isOver, isClosed] = [false, false];
  let wake = Promise.withResolvers<void>();
  const news = () => {
    wake.resolve();
    wake = Promise.withResolvers<void>();
  };
  const stream: PeerStream = {
    ...{ from: "192.0.2.1:4711", ip: "192.0.2.1", credential: null, sender: "" },
    async read(into) {
      while (waiting.length === 0) {
        if (isClosed) throw new Error("closed");
        if (isOver) return null;
        await wake.promise;
      }
      const piece = waiting.shift() ?? new Uint8Array();
      into.set(piece.subarray(0, into.length));
      if (piece.length > into.length) waiting.unshift(piece.subarray(into.length));
      return Math.min(piece.length, into.length);
    },
    async write(bytes) {
      while (isDeaf && !isClosed) await wake.promise;
      if (isClosed) throw new Error("closed");
      sent.push(new TextDecoder().decode(bytes));
    },
    closeWrite: () => Promise.resolve(),
    close() {
      isClosed = true;
      news();
    },
  };
  const connection = new HttpConnection({
    ...{ stream, deadlines: new Deadlines(clock) },
    admit: () => ({ user: null, role: "operator", isKnown: false, from: stream.from }),
    answer(request) {
      requests.push(request);
      return Promise.resolve(answer(request));
    },
    takeRoom: (bytes) => bytes > 100 ? null : () => {},
    streams: { begin: () => hasStreams, end() {} },
    answers,
  });
  return {
    ...{ requests, clock, ended: connection.run(), got: () => sent.join("") },
    isClosed: () => isClosed,
    say(text) {
      waiting.push(new TextEncoder().encode(text));
      news();
    },
    end() {
      isOver = true;
      news();
    },
  };
}

const statuses = (text: string) => [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, code]) => code);

Deno.test("requests come in pieces, and several at once", async () => {
  const peer = converse();
  const get = "GET /a?b=c HTTP/1.1\r\nHost: x\r\n\r\n";
  for (const char of get) {
    peer.say(char);
    await settled();
  }
  peer.say(get + get + "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc" + get);
  await settled();
  assertEquals(statuses(peer.got()), ["200", "200", "200", "200", "200"]);
  assertEquals(peer.requests.map(({ path }) => path), ["/a", "/a", "/a", "/", "/a"]);
  assertEquals(new TextDecoder().decode(peer.requests[3]?.body), "abc");
  peer.end();
  await peer.ended;
});

const REFUSED: readonly (readonly [what: string, text: string, status: string])[] = [
  ["no HTTP", "\x16\x03\x01 hello\r\n\r\n", "400"],
  ["an absolute URL", "GET http://evil/ HTTP/1.1\r\nHost: x\r\n\r\n", "400"],
  ["no host", "GET / HTTP/1.1\r\n\r\n", "400"],
  ["two hosts", "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", "400"],
  ["a header that goes on", "GET / HTTP/1.1\r\nHost: x\r\n y\r\n\r\n", "400"],
  ["a blank before the colon", "GET / HTTP/1.1\r\nHost : x\r\n\r\n", "400"],
  [
    "two lengths",
    "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    "400",
  ],
  ["a length that is none", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +3\r\n\r\nabc", "400"],
  [
    "chunks",
    "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
    "411",
  ],
  ["a huge body", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 101\r\n\r\n", "413"],
  ["many headers", `GET / HTTP/1.1\r\nHost: x\r\n${"a: b\r\n".repeat(101)}\r\n`, "431"],
  ["a huge head", `GET / HTTP/1.1\r\nHost: x\r\nCookie: ${"a".repeat(17_000)}`, "431"],
];

for (const [what, text, status] of REFUSED) {
  Deno.test(`a request with ${what} is refused, and nothing behind it is read`, async () => {
    const peer = converse();
    peer.say(text + "GET /behind HTTP/1.1\r\nHost: x\r\n\r\n");
    await settled();
    peer.end();
    await peer.ended;
    assertEquals(statuses(peer.got()), [status]);
    assertEquals(peer.requests.length, 0);
  });
}

Deno.test("who sends a head slowly, or nothing, is hung up on", async () => {
  for (const [text, ms] of [["", 31_000], ["GET / HT", 11_000]] as const) {
    const peer = converse();
    if (text !== "") peer.say(text);
    await settled();
    peer.clock.advance(ms - 3000);
    assertEquals(peer.isClosed(), false);
    // Each byte would be in time for the one before it.
    if (text !== "") peer.say("T");
    await settled();
    peer.clock.advance(3500);
    await peer.ended;
    assert(peer.isClosed());
  }
});

Deno.test("who does not read the answer is hung up on", async () => {
  const peer = converse({ isDeaf: true });
  peer.say("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  await settled();
  peer.clock.advance(16_000);
  await peer.ended;
  assertEquals(peer.got(), "");
});

Deno.test("answers that nobody reads make room for others, the longest unread first", async () => {
  const answers = new OpenAnswers(10_000);
  const page = (length: number) => () => ({ ...OK, body: "x".repeat(length) });
  const ask = (length: number, isDeaf: boolean) => {
    const peer = converse({ answer: page(length), isDeaf, answers });
    peer.say("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    return peer;
  };
  const deaf = [];
  for (const length of [3000, 3000]) {
    deaf.push(ask(length, true));
    await settled();
  }
  assertMatch((await answerOf(ask(2000, false))).slice(-2000), /^x{2000}$/);
  assertEquals(deaf.map((peer) => peer.isClosed()), [false, false]);
  assertMatch((await answerOf(ask(5000, false))).slice(-5000), /^x{5000}$/);
  assertEquals(deaf.map((peer) => peer.isClosed()), [true, false]);
  assertMatch((await answerOf(ask(20_000, false))).slice(-20_000), /^x{20000}$/);
  assertEquals(deaf.map((peer) => peer.isClosed()), [true, true]);
  for (const peer of deaf) await peer.ended;
});

async function answerOf(peer: Conversation): Promise<string> {
  await settled();
  peer.end();
  await peer.ended;
  return peer.got();
}

Deno.test("a stream ends when its reader is slow, and when it hangs up", async () => {
  for (const isDeaf of [false, true]) {
    let isAborted = false;
    const answer = (): HttpAnswer => ({
      ...{ status: 200, type: "text/event-stream" },
      async body(send, signal) {
        signal.addEventListener("abort", () => isAborted = true);
        await send(Uint8Array.from(new TextEncoder().encode("data: 1\n\n")));
        await new Promise<void>((done) => signal.addEventListener("abort", () => done()));
      },
    });
    const peer = converse({ answer, isDeaf });
    peer.say("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    await settled();
    if (isDeaf) peer.clock.advance(16_000);
    else {
      // However long nothing is to be said.
      peer.clock.advance(3_600_000);
      assert(peer.got().endsWith("data: 1\n\n") && !peer.isClosed());
      peer.end();
    }
    await peer.ended;
    assertEquals(isAborted, !isDeaf);
  }
});

Deno.test("HEAD has the head of the answer alone", async () => {
  const peer = converse();
  peer.say("HEAD / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.0\r\n\r\n");
  await settled();
  peer.end();
  await peer.ended;
  const [, head = "", get = ""] = peer.got().split("HTTP/1.1 200 OK");
  assert(head.includes("content-length: 5\r\n") && head.endsWith("\r\n\r\n"), head);
  assert(get.includes("connection: close") && get.endsWith("\r\n\r\nhello"), get);
});

Deno.test("a stream too many is refused, and the answer says why", async () => {
  const streamed = () => ({
    status: 200,
    type: "text/event-stream",
    body: () => Promise.resolve(),
  });
  const peer = converse({ answer: streamed, hasStreams: false });
  peer.say("GET /output HTTP/1.1\r\nHost: x\r\n\r\n");
  await settled();
  const said = "too many streams are open\n";
  assertMatch(
    peer.got(),
    new RegExp(`^HTTP/1\\.1 503 [^]*content-length: ${said.length}\r\n[^]*\r\n\r\n${said}$`, "i"),
  );
  peer.end();
  await peer.ended;
});
