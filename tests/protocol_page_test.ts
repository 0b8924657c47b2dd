/** The examples of docs/protocol.md, played against a real listener, byte for byte. */

import {
  decodeVars,
  encodePacket,
  findText,
  HEADER_SIZE,
  MODIFIER_SPOOL,
  textVar,
} from "../src/wire/packet.ts";
import { deliveryVars, signedBy, verifyDelivery } from "../src/wire/signature.ts";
import { VERSION } from "../src/platform/version.ts";
import { assert, assertEquals } from "./support/assert.ts";
import { openReception, type Peer } from "./support/reception.ts";

const PAGE = new URL("../docs/protocol.md", import.meta.url);
const encoder = new TextEncoder();

interface Example {
  /** The heading it stands under. */
  readonly name: string;
  readonly lines: readonly string[];
}

function readExamples(page: string): Example[] {
  const examples: Example[] = [];
  let heading = "";
  for (const part of page.split(/^(?=## |```)/m)) {
    heading = /^## (.*)/.exec(part)?.[1] ?? heading;
    const [, block] = /^```wire\n(.*)/s.exec(part) ?? [];
    if (block === undefined) continue;
    const lines = block.split("\n").filter((line) => line !== "");
    examples.push({ name: `${heading}: ${lines[0]}`, lines });
  }
  return examples;
}

/** Hex bytes, text in quotes, `{placeholders}`. */
function tokensOf(line: string): string[] {
  return line.slice(2).match(/"(?:[^"\\]|\\.)*"|\{[a-z]+\}|[0-9a-f]{2}|\S+/g) ?? [];
}

function bytesOf(token: string): Uint8Array {
  if (token.startsWith('"')) return encoder.encode(JSON.parse(token));
  assert(/^[0-9a-f]{2}$/.test(token), `${token} is neither a byte nor a text`);
  return Uint8Array.of(parseInt(token, 16));
}

async function expectAnswer(peer: Peer, line: string): Promise<void> {
  for (const token of tokensOf(line)) {
    if (token === "…") {
      assertEquals(await peer.rest(), "", line);
    } else if (token === "{vars}") {
      await peer.take(2);
    } else if (token.startsWith("{")) {
      const [low = 0, high = 0] = await peer.take(2) ?? [];
      const text = new TextDecoder().decode(await peer.take(low + 256 * high) ?? undefined);
      assert(text !== "");
      if (token === "{version}") assertEquals(text, VERSION);
    } else {
      const wanted = bytesOf(token);
      assertEquals(await peer.take(wanted.length), wanted, `${token} in ${line}`);
    }
  }
}

for (const { name, lines } of readExamples(await Deno.readTextFile(PAGE))) {
  Deno.test(`docs/protocol.md, ${name}`, async () => {
    await using reception = await openReception();
    using peer = await reception.connect();
    for (const line of lines) {
      if (line.startsWith("> ")) await peer.send(...tokensOf(line).map(bytesOf));
      else await expectAnswer(peer, line);
    }
  });
}

Deno.test("docs/protocol.md, Signatures: the example verifies, and is what a sender makes", async () => {
  const page = await Deno.readTextFile(PAGE);
  const [, secretText = "", bytesLine = "", sig = ""] =
    /^```signed\nsecret (.*)\n(bytes .*)\nsig (.*)\n```/m.exec(page) ?? [];
  const secret = JSON.parse(secretText) as string;
  const bytes = Uint8Array.from(
    tokensOf(bytesLine.slice("bytes".length - 1)).flatMap((token) => [...bytesOf(token)]),
  );
  const sentAt = 1795431827487;
  const vars = deliveryVars([textVar("n", "1")], { id: "task-7", to: "hub", sentAt }, secret);
  assertEquals(decodeVars(bytes), vars.slice(0, -1));
  assertEquals(findText(vars, "spooler_sig"), sig);
  const signed = encodePacket(vars, MODIFIER_SPOOL).subarray(HEADER_SIZE);
  assert("secret" in signedBy(signed, vars, [secret]));
  const verdict = verifyDelivery(vars, { receiver: "hub", now: sentAt, hasBody: false });
  assertEquals(verdict.kind, "valid");
});

Deno.test("docs/protocol.md has its examples", async () => {
  assert(readExamples(await Deno.readTextFile(PAGE)).length >= 8);
});
