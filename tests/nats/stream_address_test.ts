import { parseStreamAddress } from "../../src/nats/stream_address.ts";
import { functionToken, subjectOf } from "../../src/nats/subject.ts";
import { textVar } from "../../src/wire/packet.ts";
import { assertEquals, assertThrows } from "../support/assert.ts";

Deno.test("an address has one server or more, with 4222 for a port that is not given", () => {
  const cases: [string, string[], string][] = [
    ["nats://a:4222/jobs", ["a:4222"], "jobs"],
    ["nats://a/jobs", ["a:4222"], "jobs"],
    ["nats://a:1,nats://b:2,c/mail-out_2", ["a:1", "b:2", "c:4222"], "mail-out_2"],
    ["nats://[::1]:9/jobs", ["[::1]:9"], "jobs"],
    ["nats://[fd00::1]/jobs", ["[fd00::1]:4222"], "jobs"],
  ];
  for (const [text, servers, stream] of cases) {
    assertEquals(parseStreamAddress(text), { text, servers, stream });
  }
});

Deno.test("what is no address of a stream is refused, and a password is not repeated", () => {
  const cases = [
    "hub:3031",
    "nats://a:4222",
    "nats://a:4222/",
    "nats:///jobs",
    "nats://a:0/jobs",
    "nats://a:70000/jobs",
    "nats://a,,b/jobs",
    "nats://a:4222/two words",
    "nats://a:4222/a.b",
    "nats://a:4222/a/b",
    "nats://me:hunter22@a:4222/jobs",
  ];
  for (const text of cases) {
    const error = assertThrows(() => parseStreamAddress(text), SyntaxError);
    assertEquals(error.message.includes("hunter22"), false);
  }
});

Deno.test("the subject of a task is its stream and its function, percent-encoded", () => {
  const cases = [
    ["send_mail", "jobs.send_mail"],
    ["app.tasks.send mail", "jobs.app%2Etasks%2Esend%20mail"],
    ["*", "jobs.%2A"],
    [">", "jobs.%3E"],
    ["50%", "jobs.50%25"],
    ["größe", "jobs.gr%C3%B6%C3%9Fe"],
    ["", "jobs.%"],
  ] as const;
  for (const [func, subject] of cases) {
    assertEquals(subjectOf("jobs", [textVar("ud_spool_func", func)]), subject);
  }
  assertEquals(subjectOf("jobs", [textVar("to", "a")]), "jobs.%");
});

Deno.test("a function whose name is too long for a subject says so", () => {
  assertEquals(functionToken("x".repeat(1024)).length, 1024);
  assertThrows(() => functionToken("x".repeat(1025)), RangeError, "which takes 1024");
});
