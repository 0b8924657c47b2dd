import { findText } from "../../src/wire/packet.ts";
import { readRequest, RequestError } from "../../src/task/request.ts";
import { assertEquals, assertThrows } from "../support/assert.ts";
import { varsOf } from "../support/store.ts";

Deno.test("service keys are read, and stay with the task as in uWSGI; the body goes behind them", () => {
  const { task, spooler } = readRequest(varsOf({
    ud_spool_func: "hello",
    at: "1795420655",
    priority: "3",
    spooler: "/var/spool/a",
    body: "the body",
  }));
  assertEquals(task.vars.length, 4);
  assertEquals(findText(task.vars, "body"), undefined);
  assertEquals(findText(task.vars, "ud_spool_func"), "hello");
  assertEquals(task.at, 1_795_420_655_000);
  assertEquals(task.priority, 3);
  assertEquals(task.body, new TextEncoder().encode("the body"));
  assertEquals(spooler, "/var/spool/a");
});

Deno.test("Python's time.time() is a good at", () => {
  assertEquals(readRequest(varsOf({ at: "1795420655.73" })).task.at, 1_795_420_655_000);
});

for (const at of ["tomorrow", "1795420655xyz", "-5", "", "999999999999999", "0x10", "1e3"]) {
  Deno.test(`at=${at || "(empty)"} is refused, where uWSGI guesses`, () => {
    assertThrows(() => readRequest(varsOf({ at })), RequestError, `at needs seconds`);
  });
}

for (const priority of ["../../escape", "1/2", "-1", "", "1.5", "1234567890"]) {
  Deno.test(`priority=${priority || "(empty)"} is refused`, () => {
    assertThrows(() => readRequest(varsOf({ priority })), RequestError, "priority needs digits");
  });
}
