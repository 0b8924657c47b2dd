import { type PickleContext, pickleProblem } from "../../src/wire/pickle_rule.ts";
import { assertEquals, assertMatch } from "../support/assert.ts";
import { varsOf } from "../support/store.ts";

const STRANGER: PickleContext = {
  voucher: null,
  isSigned: false,
  areTrusted: false,
  isExternal: false,
};
const PICKLED = varsOf({ ud_spool_func: "f", args: "x", kwargs: "y" });

Deno.test("a stranger's pickled arguments are refused, in one line that says what to do", () => {
  const problem = pickleProblem(PICKLED, STRANGER) ?? "";
  for (const wish of [/args, kwargs/, /spooler-secret/, /certificate/, /unix socket/]) {
    assertMatch(problem, wish);
  }
  assertMatch(problem, /spooler-pickle = trusted$/);
  assertEquals(problem.includes("\n"), false);
});

Deno.test("whoever is vouched for may send them", () => {
  for (
    const known of [
      { isSigned: true },
      { voucher: "permissions" as const },
      { voucher: "certificate" as const },
      { areTrusted: true },
    ]
  ) {
    assertEquals(pickleProblem(PICKLED, { ...STRANGER, ...known }), null);
  }
});

Deno.test("a key called args alone is no pickle, but where uWSGI might run the task", () => {
  const alone = varsOf({ ud_spool_func: "f", args: "--fast" });
  assertEquals(pickleProblem(alone, STRANGER), null);
  assertMatch(pickleProblem(alone, { ...STRANGER, isExternal: true }) ?? "", /pickled/);
  assertEquals(pickleProblem(varsOf({ kwargs: "x" }), { ...STRANGER, isExternal: true }), null);
});
