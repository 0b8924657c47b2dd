/**
 * Reads what a target sends: ping replies and answers. They are short, so a target cannot make this
 * side hold more than a few kilobytes of them.
 *
 * @pure
 */

import { PacketReader, type RawPacket } from "./reader.ts";
import { RefusalError } from "./refusal.ts";

/** A reason has 500 bytes at most. */
const LARGEST_ANSWER = 4096;

export class AnswerReader extends PacketReader {
  constructor() {
    super(LARGEST_ANSWER);
  }

  /** @throws {Error} when the answer is larger than any answer is */
  override next(): RawPacket | null {
    try {
      return super.next();
    } catch (error) {
      if (!(error instanceof RefusalError)) throw error;
      throw new Error(`its answer is not one: a packet of more than ${LARGEST_ANSWER} bytes`);
    }
  }
}
