import { roughText } from "../../src/platform/duration_text.ts";
import { parseTaskWord } from "../../src/cli/task_id.ts";
import { shortId } from "../../src/report/task_name.ts";
import { UsageError } from "../../src/cli/error.ts";
import { compareSummaries, isoText, type TaskSummary } from "../../src/report/task_summary.ts";
import { Table } from "../../src/cli/table.ts";
import { assertEquals, assertThrows } from "../support/assert.ts";
import { seededRandom } from "../support/random.ts";

const PREFIX = "uwsgi_spoolfile_on_";

Deno.test("a task is named with or without the prefix, its priority and failed/", () => {
  const name = `${PREFIX}web1_1`;
  const plain = { name, priority: undefined, failedOnly: false };
  assertEquals(parseTaskWord("web1_1"), plain);
  assertEquals(parseTaskWord(name), plain);
  assertEquals(parseTaskWord("07/web1_1"), { ...plain, priority: "07" });
  assertEquals(parseTaskWord(`failed/7/${name}`), { name, priority: "7", failedOnly: true });
  assertEquals(shortId({ name, priority: "7" }), "7/web1_1");
});

for (const word of ["", "7/", "/web1", "x/web1", "../web1", "1/2/web1", "/etc/passwd", "a\0b"]) {
  Deno.test(`no task is named ${JSON.stringify(word)}`, () => {
    assertThrows(() => parseTaskWord(word), UsageError, "NAME, PRIORITY/NAME or its path");
  });
}

Deno.test("tasks are sorted as they run: running, ready by priority and due, deferred, failed", () => {
  const summary = (name: string, part: Partial<TaskSummary>): TaskSummary => ({
    waitsFor: [],
    name,
    priority: null,
    state: "ready",
    func: null,
    madeAt: 0,
    dueAt: null,
    size: 0,
    bodySize: 0,
    attempts: 0,
    lastError: null,
    lastLine: null,
    lastFailureAt: null,
    ...part,
  });
  const sorted = [
    summary("running", { state: "running" }),
    summary("first", { priority: "2", dueAt: 9 }),
    summary("second", { priority: "10", dueAt: 1 }),
    summary("third", { dueAt: 1 }),
    summary("task_9", { dueAt: 5 }),
    summary("task_10", { dueAt: 5 }),
    summary("soon", { state: "deferred", dueAt: 10 }),
    summary("later", { state: "deferred", dueAt: 20, priority: "1" }),
    summary("failed", { state: "failed", lastFailureAt: 1 }),
  ];
  assertEquals(sorted.toReversed().toSorted(compareSummaries), sorted);
});

Deno.test("durations have one unit, times are ISO or nothing", () => {
  const texts = [-5, 0, 119_999, 120_000, 7_199_000, 7_200_000, 172_800_000].map(roughText);
  assertEquals(texts, ["0s", "0s", "119s", "2m", "119m", "2h", "2d"]);
  assertEquals([isoText(0), isoText(1e300)], ["1970-01-01T00:00:00.000Z", null]);
});

Deno.test("a table's first rows make its columns, and it has headings when it has rows", () => {
  const table = new Table(["A", "B"]);
  assertEquals(table.lines([]), []);
  assertEquals(table.lines([["long", "x"]]), ["A     B", "long  x"]);
  assertEquals(table.lines([["longer", ""]]), ["longer"]);
});

Deno.test("a time in ISO 8601 is what a Date says", () => {
  const random = seededRandom(21);
  const edges = [0, -0.5, -1, 999.9, 1000, 86_399_999, 86_400_000, -86_400_000, 8.64e15, -8.64e15];
  const times = Array.from({ length: 5000 }, () => (random() - 0.5) * 10 ** (17 * random()));
  for (const at of [...edges, ...times, 8.64e15 + 1, -8.64e15 - 1, NaN, Infinity]) {
    const date = new Date(at);
    assertEquals(isoText(at), Number.isNaN(date.getTime()) ? null : date.toISOString(), String(at));
  }
});
