/** Subjects of tasks: what of a function's name they hold, and where those with a priority are. */

import { subjectOf, subjectsOf } from "../../src/nats/subject.ts";
import { assertEquals } from "../support/assert.ts";
import { varsOf } from "../support/store.ts";

Deno.test("a task with a priority has a subject that its consumer asks for, and no other does", () => {
  const of = (task: Record<string, string>) => subjectOf("mail", varsOf(task));
  assertEquals(of({ ud_spool_func: "app.send" }), "mail.app%2Esend");
  assertEquals(of({ ud_spool_func: "send", priority: "3" }), "mail.priority.send");
  assertEquals(of({ priority: "3" }), "mail.priority.%");
  assertEquals(of({ ud_spool_func: "priority" }), "mail.priority");
  assertEquals(subjectsOf("mail", null), { urgent: "mail.priority.*", others: "mail.*" });
  assertEquals(subjectsOf("mail", "send"), { urgent: "mail.priority.send", others: "mail.send" });
});
