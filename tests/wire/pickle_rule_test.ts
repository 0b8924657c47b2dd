import { functionProblem, isStranger, pickleProblem } from "../../src/wire/pickle_rule.ts";
import { assertEquals, assertMatch } from "../support/assert.ts";
import { varsOf } from "../support/store.ts";

const PICKLE = Uint8Array.from("\x80\x04K\x01\x85\x94.", (char) => char.charCodeAt(0));
const ARGS = varsOf({ ud_spool_func: "f", args: "(I1\nt.", kwargs: "(d." });

Deno.test("a stranger's pickles are refused, in one line that says what to do", () => {
  const problem = pickleProblem(ARGS) ?? "";
  for (const wish of [/^"args" holds a pickle/, /spooler-secret/, /certificate/, /unix socket/]) {
    assertMatch(problem, wish);
  }
  assertMatch(problem, /spooler-pickle = trusted$/);
  assertEquals(problem.includes("\n"), false);
});

Deno.test("only somebody whom nothing vouches for is a stranger", () => {
  const stranger = { credential: null, isSigned: false };
  assertEquals(isStranger(stranger), true);
  for (
    const known of [
      { isSigned: true },
      { credential: "permissions" as const },
      { credential: "certificate" as const },
    ]
  ) {
    assertEquals(isStranger({ ...stranger, ...known }), false);
  }
});

Deno.test("the value decides, whatever its key is called", () => {
  for (const key of ["args", "kwargs", "body", "setup", "anything"]) {
    assertMatch(pickleProblem(varsOf({ [key]: PICKLE })) ?? "", new RegExp(`^"${key}" holds`));
  }
  const plain = varsOf({
    ud_spool_func: "f",
    args: "--fast",
    kwargs: "x",
    body: "N.",
    setup: "{}",
  });
  assertEquals(pickleProblem(plain), null);
});

Deno.test("strangers may run what spooler-allow-functions names, and nothing else", () => {
  const allowed = ["mail", "app.tasks.mail"];
  assertEquals(functionProblem(varsOf({ ud_spool_func: "any" }), null), null);
  assertEquals(functionProblem(varsOf({ ud_spool_func: "mail" }), allowed), null);
  assertEquals(functionProblem(varsOf({ function_name: "app.tasks.mail" }), allowed), null);
  assertEquals(
    functionProblem(varsOf({ ud_spool_func: "drop" }), allowed),
    'its function is "drop", and spooler-allow-functions has mail app.tasks.mail',
  );
  assertMatch(functionProblem(varsOf({ n: "1" }), allowed) ?? "", /^it names no function/);
  const both = varsOf({ ud_spool_func: "mail", function_name: "os.system" });
  assertMatch(functionProblem(both, allowed) ?? "", /^its function is "os.system"/);
  assertMatch(functionProblem(varsOf({ ud_spool_func: "mail" }), []) ?? "", /has none$/);
});
