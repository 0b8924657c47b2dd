/** Errors that peers cause. */

import { reasonOf } from "../../src/platform/reason.ts";
import { PacketError } from "../../src/wire/packet.ts";
import { RefusalError } from "../../src/wire/refusal.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";

Deno.test("an error that peers cause is one like any other, but for its stack", () => {
  const error: Error = new RefusalError("request", "at needs seconds");
  assert(error instanceof Error && error instanceof RefusalError);
  assert(!(error instanceof PacketError));
  assertEquals([error.name, error.message], ["RefusalError", "at needs seconds"]);
  assertEquals(String(error), "RefusalError: at needs seconds");
  assertEquals(reasonOf(error), reasonOf(new Error("at needs seconds")));
  assert(!Object.hasOwn(error, "stack"));
  assertThrows(
    () => {
      throw error;
    },
    RefusalError,
    "at needs seconds",
  );
});
