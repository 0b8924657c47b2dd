import fc from "fast-check";
import { type Answered, answersTo } from "../../src/worker/answered.ts";
import type { AnswerGroup } from "../../src/worker/message.ts";
import { assertEquals } from "../support/assert.ts";

function done(task: string, tookMs: number, ...nextTookMs: number[]): AnswerGroup {
  return { task, kind: "done", func: "f", tookMs, reason: "", stderr: "", nextTookMs };
}

function take(handed: Set<string>, groups: readonly AnswerGroup[]): Answered {
  return answersTo(handed, groups, (id) => handed.delete(id));
}

Deno.test("one answer for several tasks is one for each, in the order in which they were handed over", () => {
  const handed = new Set(["a", "b", "c", "d"]);
  const { answers, fault } = take(handed, [done("a", 1, 2, 3)]);
  assertEquals(fault, null);
  assertEquals(answers.map(({ task, kind, func, tookMs }) => [task, kind, func, tookMs]), [
    ["a", "done", "f", 1],
    ["b", "done", "f", 2],
    ["c", "done", "f", 3],
  ]);
  assertEquals([...handed], ["d"]);
});

Deno.test("an answer for a task that the worker does not have is ignored", () => {
  const handed = new Set(["a"]);
  assertEquals(take(handed, [done("x", 1)]), { answers: [], fault: null });
  assertEquals([...handed], ["a"]);
});

Deno.test("one that skips a task, or is for more than there are, is a fault; what came before it counts", () => {
  const handed = new Set(["a", "b", "c"]);
  const skipped = take(handed, [done("a", 1), done("c", 1, 1)]);
  assertEquals(skipped.answers.map(({ task }) => task), ["a"]);
  assertEquals(skipped.fault, "it answers c and more, which is not its next task");
  assertEquals([...handed], ["b", "c"]);
  const tooMany = take(handed, [done("b", 1, 1, 1)]);
  assertEquals(tooMany.answers.map(({ task }) => task), ["b", "c"]);
  assertEquals(tooMany.fault, "it answers more tasks than it was handed");
});

Deno.test("however answers are grouped, each task has its own", () => {
  const groups = fc.array(fc.array(fc.double({ min: 0, noNaN: true }), { minLength: 1 }));
  fc.assert(fc.property(groups, (groups) => {
    const times = groups.flat();
    const tasks = times.map((_, i) => `task ${i}`);
    let first = 0;
    const heard = groups.map(([tookMs = 0, ...next]) => {
      const answer = done(tasks[first] ?? "", tookMs, ...next);
      first += 1 + next.length;
      return answer;
    });
    const handed = new Set([...tasks, "one more"]);
    const { answers, fault } = take(handed, heard);
    assertEquals(fault, null);
    assertEquals(
      answers.map(({ task, tookMs }) => [task, tookMs]),
      tasks.map((t, i) => [t, times[i]]),
    );
    assertEquals([...handed], ["one more"]);
  }));
});
