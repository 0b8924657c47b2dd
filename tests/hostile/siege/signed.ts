/**
 * Two programs that share a secret, and a man in the middle between them. Tasks go from one to the
 * other through him; he cuts bodies off, changes bytes, sends packets twice, plays recorded answers,
 * and says yes and no in the name of the other. He cannot lose a task, nor have one run twice.
 */

import { freePort } from "../../support/port.ts";
import { pause } from "../../support/until.ts";
import { join } from "@std/path";
import {
  decodeHeader,
  encodePacket,
  HEADER_SIZE,
  MODIFIER_PING,
  MODIFIER_SPOOL,
  WITH_BODY,
} from "../../../src/wire/packet.ts";
import { ACCEPTED } from "../../support/peer.ts";
import { BODY_LENGTH_SIZE, encodeBodySize } from "../../../src/wire/reader.ts";
import { varsOf } from "../../support/store.ts";
import { countingModule, countRuns, Program } from "./program.ts";

const SECRET = "of-two-programs";
/** Between two tasks. */
const PAUSE_MS = 40;

const TRICKS = [
  "says yes",
  "plays a recorded yes",
  "cuts the body off",
  "changes a byte",
  "sends it twice",
  "turns the answer round",
  "hangs up",
] as const;
type Trick = typeof TRICKS[number];

export class SignedPair implements AsyncDisposable {
  readonly #accepted = new Set<string>();
  readonly #middle: Middle;
  #isOver = false;
  #pushing: Promise<void> | null = null;

  private constructor(
    private readonly dir: string,
    private readonly port: number,
    readonly receiverPort: number,
    middlePort: number,
    private readonly programs: readonly Program[],
  ) {
    this.#middle = new Middle(middlePort, receiverPort);
  }

  static async prepare(dir: string): Promise<SignedPair> {
    const [port, middlePort, receiverPort] = [freePort(), freePort(), freePort()];
    const forward = `to=127.0.0.1:${middlePort},kind=spooler,name=hub,timeout=3,secret=${SECRET}`;
    const site = async (name: string, ...lines: string[]) => {
      const here = join(dir, name);
      await Deno.mkdir(here);
      await Deno.writeTextFile(join(here, "site.ini"), ["[uwsgi]", ...lines, ""].join("\n"));
      return new Program(join(here, "site.ini"), join(here, "log"));
    };
    const sender = await site(
      "sender",
      `socket = 127.0.0.1:${port}`,
      `spooler-forward2 = dir=${join(dir, "sender/spool")},${forward}`,
      "spooler-quiet = true",
    );
    const receiver = await site(
      "receiver",
      `socket = 127.0.0.1:${receiverPort}`,
      `spooler = ${join(dir, "receiver/spool")}`,
      `spooler-secret = ${SECRET}`,
      "spooler-name = hub",
      "spooler-import = tasks.mjs",
      "spooler-quiet = true",
    );
    await Deno.writeTextFile(
      join(dir, "receiver/tasks.mjs"),
      countingModule(join(dir, "receiver/ran")),
    );
    return new SignedPair(dir, port, receiverPort, middlePort, [sender, receiver]);
  }

  /** Of its programs, by themselves. */
  get deaths(): number {
    return this.programs.reduce((sum, { deaths }) => sum + deaths, 0);
  }

  async start(): Promise<void> {
    for (const program of this.programs) await program.start();
    this.#pushing = this.#push();
  }

  /** Either of the two, at random. */
  async killOne(): Promise<void> {
    const program = this.programs[Math.random() < 0.5 ? 0 : 1];
    await program?.kill();
    await program?.start();
  }

  async #push(): Promise<void> {
    for (let n = 0; !this.#isOver; n++) {
      while (!this.#isOver && !(await this.#deliver(n))) await pause(PAUSE_MS);
      await pause(PAUSE_MS);
    }
  }

  async #deliver(n: number): Promise<boolean> {
    const vars = varsOf({ ud_spool_func: "count", n: String(n), spooler_id: `signed-${n}` });
    const body = new Uint8Array(n % 2 * 1000);
    const packet = [
      encodePacket(vars, MODIFIER_SPOOL, WITH_BODY),
      encodeBodySize(body.length),
      body,
    ];
    try {
      using connection = await Deno.connect({ hostname: "127.0.0.1", port: this.port });
      for (const part of packet) await connection.write(part);
      const answer = new Uint8Array(HEADER_SIZE);
      if ((await connection.read(answer)) !== HEADER_SIZE) return false;
      if (decodeHeader(answer).modifier2 !== 1) return false;
      this.#accepted.add(String(n));
      return true;
    } catch {
      return false;
    }
  }

  /** Ends the tricks, waits until everything has come, and counts. */
  async end() {
    this.#isOver = true;
    await this.#pushing;
    this.#middle.isHonest = true;
    const path = join(this.dir, "receiver/ran");
    const lost = () => {
      const ran = countRuns(path);
      return [...this.#accepted].filter((n) => !ran.has(n));
    };
    for (let waited = 0; waited < 60 && lost().length > 0; waited++) await pause(1000);
    const ran = countRuns(path);
    return {
      accepted: this.#accepted.size,
      lost: lost().length,
      doubled: [...ran].filter(([, count]) => count > 1).length,
      tricks: this.#middle.tricks,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    this.#middle.close();
    for (const program of this.programs) await program.kill();
  }
}

/** One packet and its body, as they came. */
interface Piece {
  readonly head: Uint8Array<ArrayBuffer>;
  readonly vars: Uint8Array<ArrayBuffer>;
  /** With its length in front. */
  readonly body: Uint8Array<ArrayBuffer>;
}

class Middle {
  tricks = 0;
  isHonest = false;
  readonly #listener: Deno.TcpListener;
  #recordedYes: Uint8Array<ArrayBuffer> | null = null;

  constructor(port: number, private readonly receiverPort: number) {
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port });
    this.#serve();
  }

  close(): void {
    this.#listener.close();
  }

  async #serve(): Promise<void> {
    for await (const connection of this.#listener) this.#stand(connection).catch(() => {});
  }

  async #stand(sender: Deno.TcpConn): Promise<void> {
    using _sender = sender;
    using receiver = await Deno.connect({ hostname: "127.0.0.1", port: this.receiverPort });
    const [fromSender, fromReceiver] = [new Pieces(sender), new Pieces(receiver)];
    const trick = this.isHonest ? null : TRICKS[Math.floor(Math.random() * TRICKS.length)] ?? null;
    let left = Math.floor(Math.random() * 20);
    for (let piece = await fromSender.next(); piece; piece = await fromSender.next()) {
      const isPlayed = trick !== null && left-- <= 0 && piece.head[0] !== MODIFIER_PING;
      if (isPlayed) {
        this.tricks++;
        await this.#play(trick, piece, sender, receiver, fromReceiver);
        return;
      }
      await write(receiver, piece);
      const answer = await fromReceiver.next();
      if (answer === null) return;
      if (piece.head[0] === MODIFIER_SPOOL && answer.head[3] === 1) {
        this.#recordedYes = joined(answer);
      }
      await write(sender, answer);
    }
  }

  async #play(
    trick: Trick,
    piece: Piece,
    sender: Deno.TcpConn,
    receiver: Deno.TcpConn,
    fromReceiver: Pieces,
  ): Promise<void> {
    const relay = async (sent: Piece) => {
      await write(receiver, sent);
      const answer = await fromReceiver.next();
      if (answer !== null) await write(sender, answer);
    };
    switch (trick) {
      case "says yes":
        await sender.write(ACCEPTED);
        return await pause(100);
      case "plays a recorded yes":
        await sender.write(this.#recordedYes ?? ACCEPTED);
        return await pause(100);
      case "cuts the body off":
        return await relay({
          ...piece,
          head: Uint8Array.from(piece.head, (byte, at) => at === 3 ? byte & ~WITH_BODY : byte),
          body: new Uint8Array(0),
        });
      case "changes a byte": {
        const at = Math.floor(Math.random() * piece.vars.length);
        return await relay({
          ...piece,
          vars: piece.vars.map((byte, index) => index === at ? byte ^ 1 : byte),
        });
      }
      case "sends it twice": {
        using again = await Deno.connect({ hostname: "127.0.0.1", port: this.receiverPort });
        await Promise.all([relay(piece), write(again, piece)]);
        await write(again, piece);
        return await pause(100);
      }
      case "turns the answer round": {
        await write(receiver, piece);
        const answer = await fromReceiver.next();
        if (answer === null) return;
        answer.head[3] = (answer.head[3] ?? 0) ^ 1;
        await write(sender, answer);
        return await pause(100);
      }
      case "hangs up":
        return;
      default:
        trick satisfies never;
    }
  }
}

/** What one side says, packet by packet. */
class Pieces {
  #bytes = new Uint8Array(0);

  constructor(private readonly connection: Deno.TcpConn) {}

  async next(): Promise<Piece | null> {
    const head = await this.#take(HEADER_SIZE);
    if (head === null) return null;
    const { modifier1, modifier2, size } = decodeHeader(head);
    const vars = await this.#take(size);
    if (vars === null) return null;
    if (modifier1 !== MODIFIER_SPOOL || (modifier2 & WITH_BODY) === 0) {
      return { head, vars, body: new Uint8Array(0) };
    }
    const length = await this.#take(BODY_LENGTH_SIZE);
    if (length === null) return null;
    const body = await this.#take(Number(new DataView(length.buffer).getBigUint64(0, true)));
    return body && { head, vars, body: Uint8Array.from([...length, ...body]) };
  }

  async #take(count: number): Promise<Uint8Array<ArrayBuffer> | null> {
    const buffer = new Uint8Array(64 * 1024);
    while (this.#bytes.length < count) {
      const came = await this.connection.read(buffer);
      if (came === null) return null;
      this.#bytes = Uint8Array.from([...this.#bytes, ...buffer.subarray(0, came)]);
    }
    const taken = this.#bytes.slice(0, count);
    this.#bytes = this.#bytes.slice(count);
    return taken;
  }
}

function joined({ head, vars, body }: Piece): Uint8Array<ArrayBuffer> {
  return Uint8Array.from([...head, ...vars, ...body]);
}

async function write(connection: Deno.TcpConn, piece: Piece): Promise<void> {
  const bytes = joined(piece);
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}
