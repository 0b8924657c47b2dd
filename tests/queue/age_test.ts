import { firstChance } from "../../src/queue/age.ts";
import { assertEquals } from "../support/assert.ts";
import { varsOf } from "../support/store.ts";

const NAME = "uwsgi_spoolfile_on_web1_12_3_99_1795420655_123500";

Deno.test("a task's age counts from the second in its name", () => {
  assertEquals(firstChance(NAME, []), 1_795_420_655_000);
});

Deno.test("or from its at, when that is later", () => {
  assertEquals(firstChance(NAME, varsOf({ at: "1795420700" })), 1_795_420_700_000);
  assertEquals(firstChance(NAME, varsOf({ at: "5" })), 1_795_420_655_000);
  assertEquals(firstChance(NAME, varsOf({ at: "soon" })), 1_795_420_655_000);
});

Deno.test("a name that another program made says nothing", () => {
  assertEquals(firstChance("uwsgi_spoolfile_on_x", []), null);
});
