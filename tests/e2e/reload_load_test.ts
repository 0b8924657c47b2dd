/**
 * Reloads under load: no connection is refused or reset, no task is lost or run twice, no slot missed.
 * `deno task test:reload` does a hundred of them within a minute or so.
 */

import { join } from "@std/path";
import { encodePacket, KEEP_OPEN, MODIFIER_SPOOL } from "../../src/wire/packet.ts";
import { ACCEPTED } from "../support/peer.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { countLines, ledgerLines } from "../support/ledger.ts";
import { programLabel } from "../support/program.ts";
import { testWith } from "../support/require.ts";
import { makeSite, portIn } from "../support/site.ts";
import { varsOf } from "../support/store.ts";
import { pause, until } from "../support/until.ts";

const RELOADS = Number(Deno.env.get("SPOOLER_RELOADS") ?? 5);
/** A hundred of them within a minute, with some room. */
const EVERY_MS = 500;
/** Of a slow task. */
const SECONDS = RELOADS > 10 ? 5 : 1;
const CLIENTS = 8;
/** Of them, so many keep their connection for the next task. */
const KEEPERS = 4;
const PAUSE_MS = 200;
/** One of so many tasks is slow. */
const SLOW_EACH = 20;
const SLOT_MS = 1000;

const MODULE = `
const seconds = (vars: Record<string, string>) => Number(vars.seconds) * 1000;
export async function module(vars: Record<string, string>) {
  Deno.writeTextFileSync("begun", vars.id + "\\n", { append: true });
  await new Promise((resolve) => setTimeout(resolve, seconds(vars)));
  Deno.writeTextFileSync("ended", vars.id + "\\n", { append: true });
}
`;

/** One that sends a task after the other: over a connection that it keeps, or over a new one each. */
class Client {
  readonly accepted: string[] = [];
  readonly troubles: string[] = [];
  #connection: Deno.Conn | null = null;
  #count = 0;

  constructor(private readonly number: number, private readonly port: number) {}

  async run(end: AbortSignal): Promise<void> {
    while (!end.aborted) {
      await this.#send().catch((error) => {
        this.troubles.push(String(error));
        this.#hangUp();
      });
      await pause(PAUSE_MS);
    }
    this.#hangUp();
  }

  async #send(): Promise<void> {
    const keeps = this.number < KEEPERS;
    const count = ++this.#count;
    const id = `${this.number}-${count}`;
    const isSlow = count % SLOW_EACH === 1;
    const vars = varsOf({
      ud_spool_func: count % 2 === 0 ? "module" : "command",
      id,
      seconds: String(isSlow ? SECONDS : 0),
    });
    const connection = this.#connection ??= await Deno.connect({ port: this.port });
    await connection.write(encodePacket(vars, MODIFIER_SPOOL, keeps ? KEEP_OPEN : 0));
    const answer = new Uint8Array(ACCEPTED.length);
    for (let at = 0; at < answer.length;) {
      const read = await connection.read(answer.subarray(at));
      if (read === null) throw new Error(`closed without an answer to ${id}`);
      at += read;
    }
    if (String(answer) !== String(ACCEPTED)) throw new Error(`${id} refused: ${answer}`);
    this.accepted.push(id);
    if (!keeps) this.#hangUp();
  }

  #hangUp(): void {
    this.#connection?.close();
    this.#connection = null;
  }
}

testWith("libc", `${programLabel}: reload: ${RELOADS} times under load`, async () => {
  await using site = await makeSite(
    "socket = 127.0.0.1:0",
    "spooler-processes = 8",
    "spooler-cheap = true",
    "spooler-import = tasks.ts",
    "spooler-task = name=command echo $SPOOL_ID >> begun; sleep $SPOOL_SECONDS; echo $SPOOL_ID >> ended",
    `timer2 = every=${SLOT_MS}ms,name=tick echo $SPOOLER_SLOT >> slots`,
  );
  await Deno.writeTextFile(join(site.dir, "tasks.ts"), MODULE);
  await using program = await site.start();
  const port = portIn(await program.line(/ socket 127\.0\.0\.1:\d+$/));
  const end = new AbortController();
  const clients = Array.from({ length: CLIENTS }, (_, number) => new Client(number, port));
  const running = clients.map((client) => client.run(end.signal));
  const startedAt = performance.now();
  for (let reload = 1; reload <= RELOADS; reload++) {
    program.signal("SIGHUP");
    await program.line(/ ready$/, reload + 1);
    await pause(Math.max(0, startedAt + reload * EVERY_MS - performance.now()));
  }
  const tookMs = performance.now() - startedAt;
  end.abort();
  await Promise.all(running);
  const accepted = clients.flatMap((client) => client.accepted);
  const ended = () => ledgerLines(join(site.dir, "ended"));
  await until(() => ended().length >= accepted.length, `the end of ${accepted.length} tasks`);
  assertEquals(await program.stop(), 0);
  const slots = ledgerLines(join(site.dir, "slots")).map((slot) => Date.parse(slot));
  console.log(
    `${RELOADS} reloads in ${Math.round(tookMs / 100) / 10} s: ` +
      `${accepted.length} tasks, ${slots.length} slots`,
  );

  assertEquals(clients.flatMap((client) => client.troubles), []);
  assertEquals(countLines(ledgerLines(join(site.dir, "begun"))), countLines(accepted));
  assertEquals(countLines(ended()), countLines(accepted));
  const gaps = slots.slice(1).map((slot, index) => slot - (slots[index] ?? 0));
  // A slot is known on two clocks, one of which has fractions of milliseconds.
  const odd = gaps.filter((gap) => Math.abs(gap - SLOT_MS) > SLOT_MS / 10);
  assertEquals(odd, [], String(slots));
  assert(slots.length * SLOT_MS > tookMs - 2 * SLOT_MS, `${slots.length} slots`);
  assert(!/skipped|missed|failed|deferred/.test(program.log), program.log);
});
