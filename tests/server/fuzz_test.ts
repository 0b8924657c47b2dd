/**
 * Streams of packets, good and bad, cut at random points: the reader and the whole conversation must
 * come to what a simple model says that looks at all bytes at once. SPOOLER_FUZZ says how many.
 */

import { Conversation } from "../../src/server/conversation.ts";
import type { IncomingTask } from "../../src/server/incoming_task.ts";
import { PacketMemory } from "../../src/server/packet_memory.ts";
import { Deadlines } from "../../src/server/deadlines.ts";
import {
  decodeVars,
  encodePacket,
  findText,
  HEADER_SIZE,
  KEEP_OPEN,
  MODIFIER_PING,
  MODIFIER_SPOOL,
  textVar,
  WITH_BODY,
} from "../../src/wire/packet.ts";
import { encodeBodySize, PacketReader } from "../../src/wire/reader.ts";
import { RefusalError } from "../../src/wire/refusal.ts";
import { type PeerStream, StreamTransport } from "../../src/server/stream.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { rulesWith } from "../support/conversation_rules.ts";
import { FakeClock } from "../support/clock.ts";
import { seededRandom } from "../support/random.ts";

const STREAMS = Number(Deno.env.get("SPOOLER_FUZZ") ?? 3000);
const SEED = Number(Deno.env.get("SPOOLER_SEED") ?? 1);
const MAX_VARS = 150;
const MAX_BODY = 200;

type Random = () => number;
const below = (random: Random, end: number) => Math.floor(random() * end);
const pick = <T>(random: Random, items: readonly T[]) => items[below(random, items.length)] as T;

/** A few packets, most of them good, with whatever may go wrong among them. */
function makeStream(random: Random): Uint8Array {
  const parts: Uint8Array[] = [];
  for (let count = 1 + below(random, 6); count > 0; count--) parts.push(...makePacket(random));
  const stream = join(parts);
  if (random() < 0.2) return stream.subarray(0, below(random, stream.length));
  // Now and then a byte that is not what it was.
  if (random() < 0.2 && stream.length > 0) {
    stream[below(random, stream.length)] = below(random, 256);
  }
  return stream;
}

function makePacket(random: Random): Uint8Array[] {
  const keep = random() < 0.8 ? KEEP_OPEN : 0;
  const kind = random();
  if (kind < 0.1) return [Uint8Array.of(MODIFIER_PING, 0, 0, keep)];
  if (kind < 0.15) {
    return [Uint8Array.from({ length: below(random, 40) }, () => below(random, 256))];
  }
  if (kind < 0.2) return [encodePacket([textVar("a", "b")], below(random, 256), keep)];
  const vars = [textVar("n", String(below(random, 1e9)))];
  if (random() < 0.2) vars.push(textVar("refuse", pick(random, ["early", "late"])));
  if (random() < 0.2) vars.push(textVar("filler", "x".repeat(below(random, MAX_VARS + 50))));
  if (kind < 0.6) return [encodePacket(vars, MODIFIER_SPOOL, keep)];
  const size = random() < 0.9 ? below(random, MAX_BODY) : MAX_BODY + below(random, 3);
  const body = new Uint8Array(size).fill(below(random, 256));
  return [encodePacket(vars, MODIFIER_SPOOL, keep | WITH_BODY), encodeBodySize(size), body];
}

function join(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

function cut(random: Random, bytes: Uint8Array): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  const longest = pick(random, [1, 3, 20, 5000]);
  for (let at = 0; at < bytes.length;) {
    const length = 1 + below(random, longest);
    pieces.push(bytes.subarray(at, at + length));
    at += length;
  }
  return pieces;
}

/** What comes of a stream. */
interface Outcome {
  /** `modifier1/modifier2` of each answer. */
  readonly answers: string[];
  /** `n/size of the body/its first byte` of each task that was accepted. */
  readonly tasks: string[];
}

const PONG = "100/1";
const YES = "255/1";
const NO = "255/0";

/** The protocol once more, for somebody who has all the bytes. */
function model(bytes: Uint8Array): Outcome {
  const answers: string[] = [];
  const tasks: string[] = [];
  let at = 0;
  while (bytes.length - at >= HEADER_SIZE) {
    const [modifier1 = 0, low = 0, high = 0, modifier2 = 0] = bytes.subarray(at, at + HEADER_SIZE);
    const size = low + 256 * high;
    if (size > MAX_VARS) return { answers: [...answers, NO], tasks };
    const hasBody = modifier1 === MODIFIER_SPOOL && modifier2 % 4 >= 2;
    const start = at + HEADER_SIZE;
    at = start + size + (hasBody ? 8 : 0);
    if (at > bytes.length) break;
    const keeps = modifier2 % 2 === 1;
    if (modifier1 === MODIFIER_PING) {
      answers.push(PONG);
      if (!keeps) break;
      continue;
    }
    if (modifier1 !== MODIFIER_SPOOL) break;
    const length = bytes.slice(at - 8, at).reduceRight((sum, byte) => sum * 256 + byte, 0);
    const bodySize = hasBody ? length : 0;
    if (bodySize > MAX_BODY) return { answers: [...answers, NO], tasks };
    const body = bytes.subarray(at, at + bodySize);
    at += bodySize;
    const task = modelTask(bytes.subarray(start, start + size), body, bodySize);
    answers.push(task === null ? NO : YES);
    if (task !== null) tasks.push(task);
    if (!keeps || at > bytes.length) break;
  }
  return { answers, tasks };
}

/** Null when it is refused. */
function modelTask(varBytes: Uint8Array, body: Uint8Array, bodySize: number): string | null {
  try {
    const vars = decodeVars(varBytes);
    if (findText(vars, "refuse") !== undefined || body.length < bodySize) return null;
    return `${findText(vars, "n")}/${bodySize}/${body[0]}`;
  } catch {
    return null;
  }
}

/** A connection in memory: the pieces come one by one, then the end. */
class PieceStream implements PeerStream {
  readonly from = "memory";
  readonly ip = null;
  readonly credential = null;
  readonly sender = "here";
  readonly written: Uint8Array[] = [];
  #isClosed = false;
  readonly #pieces: Uint8Array[];

  constructor(pieces: readonly Uint8Array[]) {
    this.#pieces = pieces.toReversed();
  }

  read(into: Uint8Array): Promise<number | null> {
    if (this.#isClosed) return Promise.reject(new Error("closed"));
    const piece = this.#pieces.pop();
    if (piece === undefined) return Promise.resolve(null);
    const part = piece.subarray(0, into.length);
    into.set(part);
    if (part.length < piece.length) this.#pieces.push(piece.subarray(part.length));
    return Promise.resolve(part.length);
  }

  write(bytes: Uint8Array): Promise<void> {
    this.written.push(bytes);
    return Promise.resolve();
  }

  closeWrite(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {
    this.#isClosed = true;
  }
}

const clock = new FakeClock();
const deadlines = new Deadlines(clock);

async function converse(pieces: readonly Uint8Array[]): Promise<Outcome> {
  const stream = new PieceStream(pieces);
  const tasks: string[] = [];
  const finished = Promise.withResolvers<void>();
  const options = {
    clock,
    deadlines,
    memory: new PacketMemory(),
    round: { number: 0, isLong: false, next: () => {} },
    rules: () =>
      rulesWith((task, done) => {
        // In the order in which they came: one with a body takes longer.
        const place = tasks.push("") - 1;
        take(task).then((text) => {
          tasks[place] = text;
          done(null);
        }, done);
      }, { maxVarsSize: MAX_VARS, maxBodySize: MAX_BODY }),
    refused: () => {},
  };
  const owner = { active: () => {}, finished: () => finished.resolve() };
  new Conversation(options, owner, {
    makeTransport: (conversation) => new StreamTransport(stream, conversation),
  }).start();
  await finished.promise;
  return { answers: answersIn(join(stream.written)), tasks: tasks.filter((text) => text !== "") };
}

async function take({ vars, body }: IncomingTask): Promise<string> {
  const refuse = findText(vars, "refuse");
  if (refuse === "early") throw new RefusalError("request", "early");
  let size = 0;
  let first: number | undefined;
  if (body !== null) {
    for await (const piece of body.pieces()) {
      if (refuse !== undefined) throw new RefusalError("request", "late");
      first ??= piece[0];
      size += piece.length;
    }
  }
  if (refuse !== undefined) throw new RefusalError("request", "late");
  return `${findText(vars, "n")}/${size}/${first}`;
}

function answersIn(bytes: Uint8Array): string[] {
  const reader = new PacketReader();
  reader.push(bytes);
  const answers: string[] = [];
  for (let packet = reader.next(); packet; packet = reader.next()) {
    answers.push(`${packet.header.modifier1}/${packet.header.modifier2}`);
  }
  assertEquals(reader.pending, 0);
  return answers;
}

/** The packets of a stream, as a reader gives them to somebody who takes bodies piece by piece. */
function readPieces(pieces: readonly Uint8Array[]): string[] {
  const reader = new PacketReader(MAX_VARS);
  const seen: string[] = [];
  let bodyLeft = 0;
  for (const piece of pieces) {
    reader.push(piece);
    while (true) {
      bodyLeft -= reader.takeBody(bodyLeft).length;
      if (bodyLeft > 0) break;
      try {
        const packet = reader.next();
        if (packet === null) break;
        seen.push([packet.header.modifier1, packet.vars.join(), packet.bodySize].join("/"));
        bodyLeft = packet.bodySize ?? 0;
      } catch (error) {
        assert(error instanceof RefusalError, String(error));
        return [...seen, "refused"];
      }
    }
  }
  return seen;
}

Deno.test(`${STREAMS} streams come to the same, however they are cut`, async () => {
  for (let n = 0; n < STREAMS; n++) {
    const seed = SEED + n;
    const random = seededRandom(seed);
    const stream = makeStream(random);
    const pieces = cut(random, stream);
    const about = `SPOOLER_SEED=${seed}`;
    assertEquals(readPieces(pieces), readPieces([stream]), about);
    assertEquals(await converse(pieces), model(stream), about);
  }
});
