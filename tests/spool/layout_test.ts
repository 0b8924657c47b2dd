import {
  compareNatural,
  isPriorityName,
  isTaskName,
  madeAt,
  priorityRank,
  taskLabel,
  taskName,
} from "../../src/spool/layout.ts";
import { assert, assertEquals } from "../support/assert.ts";

Deno.test("a name is made as uWSGI makes it", () => {
  const name = taskName({
    host: "web1",
    pid: 12,
    counter: 3,
    random: 99,
    now: 1_795_420_655_123.5,
  });
  assertEquals(name, "uwsgi_spoolfile_on_web1_12_3_99_1795420655_123500");
  assertEquals(taskLabel(name), "web1_12_3_99_1795420655_123500");
});

Deno.test("a host name cannot lead out of the directory", () => {
  const name = taskName({ host: "../x y", pid: 1, counter: 1, random: 1, now: 0 });
  assertEquals(name, "uwsgi_spoolfile_on_.._x_y_1_1_1_0_1");
});

Deno.test("only uWSGI's names are tasks, only digits are priorities", () => {
  assert(isTaskName("uwsgi_spoolfile_on_x"));
  assert(!isTaskName("failed") && !isTaskName(".spooler"));
  assert(isPriorityName("10") && !isPriorityName("-1") && !isPriorityName("1a"));
});

Deno.test("a name says when its task was made when it ends in seconds and microseconds", () => {
  const names = [
    ["a_1795420655_123500", 1_795_420_655_123.5],
    ["_1_0", 1000],
    ["a_99999999999_999999", 99_999_999_999_999.999],
    ["a__1_5", 1000.005],
    ["a_1_1234567", null],
    ["a_123456789012_1", null],
    ["a_1_", null],
    ["a__1", null],
    ["a1_1", null],
    ["1_1", null],
    ["a_1-1", null],
    ["a_1_1x", null],
    ["a_1_1\n", null],
    ["a_1_\u0661", null],
    ["12", null],
    ["", null],
  ] as const;
  assertEquals(names.map(([name]) => madeAt(name)), names.map(([, made]) => made));
});

Deno.test("a task without a priority runs after all that have one", () => {
  assert(priorityRank("2") < priorityRank("10"));
  assert(priorityRank("999999999") < priorityRank(null));
});

// In the order that glibc's strverscmp gives, checked against it with 60,000 random pairs.
const NATURAL = ["000", "00", "01", "010", "09", "0", "1", "9", "10", "a", "a1", "a2", "a10", "b"];

Deno.test("names compare as with versionsort", () => {
  for (const [i, a] of NATURAL.entries()) {
    for (const [j, b] of NATURAL.entries()) {
      assertEquals(Math.sign(compareNatural(a, b)), Math.sign(i - j), `${a} and ${b}`);
    }
  }
});
