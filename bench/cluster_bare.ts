/**
 * What the client of NATS does alone, with the settings and the transport that this program gives it. One
 * process: `publish ADDRESS COUNT WINDOW` puts messages like tasks into a stream, so many at a time
 * without an answer; `consume ADDRESS COUNT` takes them, and acknowledges each with an answer. With DIR
 * behind that each is a file besides: read under a lock and removed when its answer is there, or made when
 * it comes and removed before it is acknowledged. Prints its processor seconds when it is done.
 */

import { WITHOUT_PROOF } from "../src/nats/settings.ts";
import { NatsLink } from "../src/nats/link.ts";
import { parseStreamAddress } from "../src/nats/stream_address.ts";
import { encodePacket, MODIFIER_SPOOL } from "../src/wire/packet.ts";
import { openConsumers } from "../src/cluster/consumer.ts";
import { cpuSeconds } from "../tests/support/cpu.ts";
import { varsOf } from "../tests/support/store.ts";

/** The most messages that a worker of this program holds of quick tasks. */
const MOST_HELD = 1000;

async function publish(
  link: NatsLink,
  count: number,
  window: number,
  files: string[] | null,
): Promise<void> {
  const { jetstream, address: { stream } } = link;
  let next = 0;
  const one = async () => {
    while (next < count) {
      const n = next++;
      const path = files?.[n];
      using file = path === undefined ? null : Deno.openSync(path, { read: true, write: true });
      const data = file === null
        ? encodePacket(varsOf({ ud_spool_func: "noop", n: String(n) }), MODIFIER_SPOOL)
        : readLocked(file);
      await jetstream.publish(`${stream}.noop`, data, { msgID: path ?? `bare:${n}` });
      if (path !== undefined) Deno.removeSync(path);
    }
  };
  await Promise.all(Array.from({ length: window }, one));
}

/** Nobody else takes it meanwhile. */
function readLocked(file: Deno.FsFile): Uint8Array {
  file.lockSync(true);
  const data = new Uint8Array(file.statSync().size);
  file.readSync(data);
  return data;
}

async function consume(link: NatsLink, count: number, dir: string | null): Promise<void> {
  const { jetstream, address: { stream } } = link;
  const consumers = await openConsumers(link, { functions: null, ackWaitMs: 30_000 });
  const { name = "" } = consumers.find(({ isUrgent }) => !isUrgent) ?? {};
  const consumer = await jetstream.consumers.get(stream, name);
  const messages = await consumer.consume({ max_messages: MOST_HELD });
  const acks: Promise<boolean>[] = [];
  for await (const message of messages) {
    if (acks.length === 0) console.log(Date.now());
    if (dir !== null) {
      const path = `${dir}/${message.seq}`;
      Deno.writeFileSync(path, message.data, { createNew: true });
      Deno.removeSync(path);
    }
    acks.push(message.ackAck());
    if (acks.length === count) break;
  }
  await Promise.all(acks);
}

const [what, text = "", count, windowOrDir, dir] = Deno.args;
const address = parseStreamAddress(text);
const link = await NatsLink.open({ address, access: WITHOUT_PROOF, timeoutMs: 30_000 });
const files = what === "publish" && dir !== undefined
  ? Array.from(Deno.readDirSync(dir), ({ name }) => `${dir}/${name}`)
  : null;
const before = cpuSeconds(Deno.pid);
if (what === "publish") await publish(link, Number(count), Number(windowOrDir), files);
else await consume(link, Number(count), windowOrDir ?? null);
console.log(cpuSeconds(Deno.pid) - before);
link.close();
await link.ended();
