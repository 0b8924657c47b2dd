import fc from "fast-check";
import { encodeFrame, FrameReader, ProtocolError } from "../../src/worker/frame.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";

Deno.test("frames come out as they went in, in whatever pieces they arrive", () => {
  const frames = fc.array(fc.record({ head: fc.jsonValue(), tail: fc.uint8Array() }));
  fc.assert(fc.property(frames, fc.integer({ min: 1, max: 50 }), (sent, piece) => {
    const bytes = sent.flatMap(({ head, tail }) => [...encodeFrame(head, tail)]);
    const reader = new FrameReader();
    const got = [];
    for (let at = 0; at < bytes.length; at += piece) {
      reader.push(Uint8Array.from(bytes.slice(at, at + piece)));
      for (let frame; (frame = reader.next()) !== null;) got.push(frame);
    }
    assertEquals(
      got.map(({ head, tail }) => [JSON.stringify(head), [...tail]]),
      sent.map(({ head, tail }) => [JSON.stringify(head), [...tail]]),
    );
  }));
});

Deno.test("a frame larger than the reader's buffer arrives whole", () => {
  const tail = new Uint8Array(1_000_000).fill(7);
  const reader = new FrameReader();
  const bytes = encodeFrame({ type: "x" }, tail);
  for (let at = 0; at < bytes.length; at += 60_000) reader.push(bytes.subarray(at, at + 60_000));
  assertEquals(reader.next()?.tail.length, 1_000_000);
  assertEquals(reader.next(), null);
});

Deno.test("what can be no frame is refused", () => {
  for (const [length, head] of [[0xffffffff, 1], [3, 0], [10, 100]] as const) {
    const reader = new FrameReader();
    const prefix = new DataView(new ArrayBuffer(8));
    prefix.setUint32(0, length, true);
    prefix.setUint32(4, head, true);
    reader.push(new Uint8Array(prefix.buffer));
    const error = assertThrows(() => reader.next(), ProtocolError);
    assert(error.message.startsWith(`a frame of ${length} bytes`), error.message);
  }
});
