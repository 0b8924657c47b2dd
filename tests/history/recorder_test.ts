import type { Event } from "../../src/report/event.ts";
import { Recorder } from "../../src/history/recorder.ts";
import { follow } from "../../src/history/follow.ts";
import { nextTurn } from "../../src/platform/clock.ts";
import {
  attemptsOf,
  outputOf,
  presentOutput,
  type RunFilter,
  runsIn,
  tasksIn,
} from "../../src/history/reader.ts";
import type { HistoryConfig } from "../../src/history/settings.ts";
import { Segments } from "../../src/history/segments.ts";
import { SpoolDirectory } from "../../src/spool/directory.ts";
import { HistoryFiles } from "../../src/spool/history_files.ts";
import { PosixClaims } from "../../src/spool/claim.ts";
import { PrivateClaims } from "../../src/spool/private_claims.ts";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";
import { platform } from "../support/platform.ts";
import { tempDir } from "../support/temp.ts";

const BATCH_MS = 200;

/** A history in a directory. Each has locks of its own, as if it were a program's of its own. */
function openFiles(dir: string, clock: FakeClock): HistoryFiles {
  const { libc } = platform;
  const claims = libc ? new PosixClaims(libc) : new PrivateClaims();
  const spool = new SpoolDirectory({
    ...{ dir, fsync: false, claims, libc, clock, random: Math.random },
  });
  return new HistoryFiles(spool, `${dir}/history`);
}

interface Opened {
  readonly files: HistoryFiles;
  readonly recorder: Recorder;
  readonly warnings: string[];
}

let programs = 0;

function open(
  dir: string,
  clock: FakeClock,
  config: Partial<HistoryConfig> = {},
  isOfJobs = false,
): Opened {
  const files = openFiles(dir, clock);
  const warnings: string[] = [];
  const whole: HistoryConfig = {
    limit: { kind: "runs", count: 1000 },
    output: "none",
    outputMax: 64 * 1024,
    ...config,
  };
  const recorder = new Recorder({
    ...{ files, isOfJobs },
    limit: whole.limit ?? { kind: "runs", count: 1 },
    config: whole,
    clock,
    unique: ++programs,
    mask: (text) => text.replaceAll("hunter2", "********"),
    warn: (message) => warnings.push(message),
  });
  recorder.start();
  return { files, recorder, warnings };
}

type Settled = Extract<Event, { type: "task.settled" }>;

function settled(task: string, more: Partial<Settled> = {}): Settled {
  return {
    type: "task.settled",
    spool: "s",
    task,
    func: "f",
    attempt: 1,
    fate: { kind: "done" },
    tookMs: 20,
    waitMs: 3,
    ...more,
  };
}

const printed = (task: string, line: string, stream: "stdout" | "stderr" = "stdout"): Event => ({
  type: "task.output",
  ...{ task, func: "f", stream, line },
});

const names = (files: HistoryFiles, filter?: RunFilter) =>
  [...tasksIn(files, filter)].map(({ entry }) => entry.name);

Deno.test("runs are recorded in batches, and read the newest first", async () => {
  await using temp = await tempDir();
  const clock = new FakeClock();
  const { files, recorder } = open(temp.path, clock);
  recorder.note(settled("a"));
  recorder.note(settled("b", {
    attempt: 2,
    fate: { kind: "failed", reason: "exit code 3, password hunter2" },
    waitMs: null,
  }));
  assertEquals(names(files), []);
  clock.advance(BATCH_MS);
  const startedAt = clock.now() - BATCH_MS - 20;
  assertEquals([...tasksIn(files)].map(({ entry }) => entry), [
    {
      name: "b",
      func: "f",
      attempt: 2,
      startedAt,
      tookMs: 20,
      waitMs: null,
      fate: "failed",
      dueAt: null,
      reason: "exit code 3, password ********",
      output: null,
    },
    {
      name: "a",
      func: "f",
      attempt: 1,
      startedAt,
      tookMs: 20,
      waitMs: 3,
      fate: "done",
      dueAt: null,
      reason: null,
      output: null,
    },
  ]);
  assertEquals(clock.pending, 0);
  recorder.close();
});

Deno.test("segments are named by their first run; of a long history only the newest is read", async () => {
  await using temp = await tempDir();
  const clock = new FakeClock();
  const limit = { limit: { kind: "runs", count: 100 } } as const;
  const { files, recorder } = open(temp.path, clock, limit);
  for (let n = 0; n < 160; n++) {
    recorder.note(settled(`t${n}`));
    if (n % 10 === 9) clock.advance(BATCH_MS);
  }
  recorder.close();
  const expected = ["51", "76", "101", "126", "151"].map((each) => each.padStart(10, "0"));
  assertEquals(files.segments(), expected);
  assertEquals(names(files).length, 110);

  const next = openFiles(temp.path, clock);
  const read: string[] = [];
  const readSegment = next.read.bind(next);
  next.read = (segment, from) => {
    read.push(segment);
    return readSegment(segment, from);
  };
  const segments = new Segments(next, { kind: "runs", count: 50 });
  segments.expire(clock.now());
  assertEquals(next.segments(), expected.slice(2));
  segments.append(1, clock.now(), () => [Uint8Array.from([123, 125, 10])]);
  assertEquals([...new Set(read)], [expected.at(-1)]);
});

Deno.test("readers choose by fate, function, name, job and time", async () => {
  await using temp = await tempDir();
  const clock = new FakeClock();
  const { files, recorder } = open(temp.path, clock);
  recorder.note(settled("a"));
  clock.advance(1000);
  const since = clock.now() - 20;
  recorder.note(settled("b", { func: "g", fate: { kind: "failed", reason: "no" } }));
  const job = { job: "a", slot: 1, attempt: 1, exit: "exit code 0", ok: true, tookMs: 5 };
  recorder.note({ type: "job.ended", ...job });
  recorder.close();
  assertEquals(names(files, { fates: ["done"] }), ["a"]);
  assertEquals(names(files, { func: "g" }), ["b"]);
  assertEquals(names(files, { name: "a" }), ["a"]);
  assertEquals(names(files, { since }), ["b"]);
  assertEquals(names(files, { before: since }), ["a"]);
  assertEquals(
    [...runsIn(files, { job: "a" })].map(({ entry }) => "result" in entry && entry.result),
    ["exit code 0"],
  );
});

Deno.test("a history of N runs keeps N, and a bounded number more", async () => {
  await using temp = await tempDir();
  const clock = new FakeClock();
  const { files, recorder } = open(temp.path, clock, { limit: { kind: "runs", count: 100 } });
  for (let at = 0; at < 1000; at++) {
    recorder.note(settled(`t${at}`));
    if (at % 7 === 0) clock.advance(BATCH_MS);
  }
  recorder.close();
  const kept = names(files);
  assertEquals(kept.slice(0, 100), Array.from({ length: 100 }, (_, at) => `t${999 - at}`));
  assert(kept.length <= 125, String(kept.length));
});

Deno.test("of more runs in a batch than are kept only the last are written", async () => {
  await using temp = await tempDir();
  const clock = new FakeClock();
  const { files, recorder } = open(temp.path, clock, { limit: { kind: "runs", count: 10 } });
  for (let at = 0; at < 1003; at++) recorder.note(settled(`t${at}`));
  recorder.close();
  assertEquals(names(files).slice(0, 10), Array.from({ length: 10 }, (_, at) => `t${1002 - at}`));
});

Deno.test("while more runs end than are kept a batch is written twice a second", async () => {
  await using temp = await tempDir();
  const clock = new FakeClock();
  const { files, recorder } = open(temp.path, clock, { output: "all" });
  const endMany = (name: string) => {
    for (let at = 0; at < 1500; at++) recorder.note(settled(`${name}${at}`));
  };
  const newest = () => names(files)[0];
  endMany("a");
  clock.advance(BATCH_MS);
  assertEquals(newest(), "a1499");
  endMany("b");
  clock.advance(2 * BATCH_MS);
  assertEquals(newest(), "a1499");
  clock.advance(BATCH_MS / 2);
  assertEquals(newest(), "b1499");

  // What is printed does not wait, and after one that was not full neither does the next.
  recorder.note(settled("c"));
  recorder.note(printed("running", "a line"));
  clock.advance(BATCH_MS);
  assertEquals(newest(), "c");
  recorder.note(settled("d"));
  clock.advance(BATCH_MS);
  assertEquals(newest(), "d");
  recorder.close();
});

Deno.test("a batch of thousands has each of its runs once and in order, whatever became of them", async () => {
  await using temp = await tempDir();
  const clock = new FakeClock();
  const { files, recorder } = open(temp.path, clock, {
    ...{ limit: { kind: "runs", count: 100_000 }, output: "all" },
  });
  const expected: string[] = [];
  for (let n = 0; n < 3000; n++) {
    const name = n % 100 === 0 ? `t"${n}` : `t${n}`;
    if (n % 50 === 1) recorder.note(printed(name, `line ${n}`));
    const reason = "x".repeat(n % 3 === 0 ? 1000 : 1);
    recorder.note(settled(name, n % 7 === 0 ? { fate: { kind: "failed", reason } } : {}));
    expected.push(`${name} ${n % 7 === 0 ? reason : null} ${n % 50 === 1 ? `line ${n}` : ""}`);
  }
  clock.advance(BATCH_MS);
  const found = [...tasksIn(files)].toReversed().map((run) => {
    const { name, reason, output } = run.entry;
    return `${name} ${reason} ${output === null ? "" : outputOf(files, run)?.[0]?.text}`;
  });
  assertEquals(found, expected);
  recorder.close();
});

Deno.test("a history of a duration lets go of what is older, although nothing runs", async () => {
  await using temp = await tempDir();
  const clock = new FakeClock(Date.now());
  const { files, recorder } = open(temp.path, clock, { limit: { kind: "time", ms: 60_000 } });
  recorder.note(settled("old"));
  clock.advance(16_000);
  recorder.note(settled("new"));
  clock.advance(BATCH_MS);
  assertEquals(names(files), ["new", "old"]);
  clock.advance(120_000);
  assertEquals(names(files), []);
  recorder.close();
  assertEquals(clock.pending, 0);
});

Deno.test("several programs write one history", async () => {
  await using temp = await tempDir();
  const clock = new FakeClock();
  const limit = { kind: "runs", count: 40 } as const;
  const programs = [open(temp.path, clock, { limit }), open(temp.path, clock, { limit })];
  for (let at = 0; at < 200; at++) {
    for (const [number, { recorder }] of programs.entries()) {
      recorder.note(settled(`${number}-${at}`));
    }
    clock.advance(BATCH_MS);
  }
  const kept = names(programs[0]?.files ?? openFiles(temp.path, clock));
  assert(kept.length >= 40 && kept.length <= 60, String(kept.length));
  const last = kept.slice(0, 40).toSorted();
  assertEquals(last, [0, 1].flatMap((n) => range(180, 200).map((at) => `${n}-${at}`)).toSorted());
  for (const { recorder, warnings } of programs) {
    recorder.close();
    assertEquals(warnings, []);
  }
});

const range = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, at) => String(from + at));

Deno.test("a record that a crash has cut is left out, and the next one is whole", async () => {
  await using temp = await tempDir();
  const clock = new FakeClock();
  const first = open(temp.path, clock);
  first.recorder.note(settled("a"));
  first.recorder.note(settled("cut"));
  first.recorder.close();
  const path = `${temp.path}/history/${first.files.segments()[0]}`;
  const text = await Deno.readTextFile(path);
  await Deno.writeTextFile(path, text.slice(0, -10));
  const { files, recorder } = open(temp.path, clock);
  recorder.note(settled("b"));
  recorder.close();
  assertEquals(names(files), ["b", "a"]);
});

Deno.test("what somebody puts into the files harms no reader", async () => {
  await using temp = await tempDir();
  const clock = new FakeClock();
  const { files, recorder } = open(temp.path, clock, { output: "all" });
  recorder.note(printed("a", "text"));
  recorder.note(settled("a"));
  recorder.close();
  const [segment = ""] = files.segments();
  const path = `${temp.path}/history/${segment}`;
  const escaped = { ...JSON.parse(await Deno.readTextFile(path)), name: "evil" };
  escaped.output.file = "../../../etc/passwd";
  const lines = ["[]", "null", "{}", "\0\0", JSON.stringify(escaped), '{"name":1}'];
  await Deno.writeTextFile(path, `${lines.join("\n")}\n`, { append: true });
  assertEquals(names(files), ["a"]);
});

Deno.test("output is kept with its run: all, or of runs that failed, or none", async () => {
  for (const output of ["all", "failed", "none"] as const) {
    await using temp = await tempDir();
    const clock = new FakeClock();
    const { files, recorder } = open(temp.path, clock, { output });
    for (const [name, kind] of [["good", "done"], ["bad", "failed"]] as const) {
      recorder.note(printed(name, `${name} says hunter2`));
      recorder.note(printed(name, "and more", "stderr"));
      recorder.note(settled(name, { fate: kind === "done" ? { kind } : { kind, reason: "no" } }));
    }
    clock.advance(BATCH_MS);
    const kept = [...tasksIn(files)].map((found) => {
      const { lines, bytes } = found.entry.output ?? {};
      return [lines, bytes, outputOf(files, found)?.map(({ stream, text }) => [stream, text])];
    });
    const good = [["stdout", "good says ********"], ["stderr", "and more"]];
    const bad = [["stdout", "bad says ********"], ["stderr", "and more"]];
    assertEquals(kept, [
      [2, 27, output === "none" ? undefined : bad],
      [2, 28, output === "all" ? good : undefined],
    ]);
    recorder.close();
  }
});

Deno.test("what is printed over the log's budget goes to the output alone", async () => {
  await using temp = await tempDir();
  const clock = new FakeClock();
  const { files, recorder } = open(temp.path, clock, { output: "all" });
  const logged: string[] = [];
  const emit = recorder.tap((event) => logged.push(event.type));
  const of = { task: "a", func: "f" };
  emit(printed("a", "1"));
  emit({ type: "task.overflow", ...of, stream: "stdout", lines: ["3", "4"], skipped: 1 });
  emit({ type: "task.flooded", ...of, lines: 3 });
  emit(printed("a", "5"));
  emit(settled("a"));
  recorder.close();
  assertEquals(logged, ["task.output", "task.flooded", "task.output", "task.settled"]);
  const [run] = tasksIn(files);
  assert(run);
  assertEquals(run.entry.output?.lines, 5);
  assertEquals(outputOf(files, run)?.map(({ number, text }) => [number, text]), [
    [1, "1"],
    [3, "3"],
    [4, "4"],
    [5, "5"],
  ]);
});

Deno.test("output goes with its run", async () => {
  await using temp = await tempDir();
  const clock = new FakeClock();
  const limit = { kind: "runs", count: 4 } as const;
  const { files, recorder } = open(temp.path, clock, { output: "all", limit });
  for (let at = 0; at < 100; at++) {
    recorder.note(printed(`t${at}`, "text"));
    recorder.note(settled(`t${at}`));
    clock.advance(BATCH_MS);
  }
  recorder.close();
  const count = (dir: string): number =>
    [...Deno.readDirSync(dir)].reduce(
      (sum, { name, isFile }) => sum + (isFile ? 1 : count(`${dir}/${name}`)),
      0,
    );
  // Of five runs, and the entries of each.
  assert(count(`${temp.path}/history`) <= 10);
  assertEquals([...tasksIn(files)].every((run) => outputOf(files, run) !== null), true);
});

Deno.test("the output of what runs can be read, and is gone when it has ended", async () => {
  await using temp = await tempDir();
  const clock = new FakeClock();
  const { files, recorder } = open(temp.path, clock, { output: "failed" });
  recorder.note(printed("3/a", "so far"));
  clock.advance(BATCH_MS);
  const texts = () => presentOutput(files, "a")?.lines.map(({ text }) => text);
  assertEquals(texts(), ["so far"]);
  recorder.note(printed("3/a", "and on"));
  clock.advance(BATCH_MS);
  assertEquals(texts(), ["so far", "and on"]);
  recorder.note(settled("a"));
  clock.advance(BATCH_MS);
  assertEquals(texts(), undefined);
  assertEquals(files.running(), []);
  recorder.close();
});

Deno.test("who follows a run reads what is new, however long the history is and whatever else runs", async () => {
  await using temp = await tempDir();
  const clock = new FakeClock();
  const { recorder } = open(temp.path, clock, { output: "all" });
  for (let n = 0; n < 900; n++) recorder.note(settled(`old-${n}`));
  for (let n = 0; n < 100; n++) recorder.note(printed("long", `${n} ${"x".repeat(500)}`));
  clock.advance(BATCH_MS);
  const files = openFiles(temp.path, clock);
  let bytes = 0;
  const { read, readRunning } = files;
  const counted = (got: Uint8Array<ArrayBuffer>) => (bytes += got.length, got);
  files.read = (...from) => counted(read.apply(files, from));
  files.readRunning = (...of) => {
    const got = readRunning.apply(files, of);
    return got && counted(got);
  };
  const followToEnd = async (name: string, meanwhile: (beat: number) => boolean) => {
    let isRunning = true;
    let result: { readonly texts: string[]; readonly ended: string | undefined } | null = null;
    const following = follow({ files, of: { name }, clock, isRunning: () => isRunning });
    (async () => {
      const texts: string[] = [];
      for (let next = await following.next();; next = await following.next()) {
        if (next.done) {
          const entry = next.value?.entry;
          return result = { texts, ended: entry && "name" in entry ? entry.name : undefined };
        }
        texts.push(next.value.text);
      }
    })();
    for (let beat = 0; result === null; beat++) {
      isRunning = meanwhile(beat);
      clock.advance(BATCH_MS);
      await nextTurn();
    }
    return result;
  };
  assertEquals(await followToEnd("not-there", () => false), { texts: [], ended: undefined });
  assert(bytes < 10_000, `${bytes} bytes`);
  const ran = await followToEnd("a", (beat) => {
    if (beat < 3) recorder.note(printed("a", `line ${beat}`));
    else if (beat === 3) recorder.note(settled("a"));
    return beat < 3;
  });
  assertEquals(ran, { texts: ["line 0", "line 1", "line 2"], ended: "a" });
  assert(bytes < 20_000, `${bytes} bytes`);
  recorder.close();
});

Deno.test("a run that came to nothing leaves no output behind", async () => {
  await using temp = await tempDir();
  const clock = new FakeClock();
  const { files, recorder } = open(temp.path, clock, { output: "all" });
  recorder.note(printed("a", "text"));
  clock.advance(BATCH_MS);
  recorder.note({
    type: "task.returned",
    spool: "s",
    task: "a",
    func: "f",
    reason: "stop",
    isNews: false,
  });
  recorder.note(settled("a"));
  recorder.close();
  assertEquals([...tasksIn(files)].map(({ entry }) => entry.output), [null]);
  assertEquals(files.running(), []);
});

Deno.test("what ran when its program died is taken over by the next one, with its output", async () => {
  await using temp = await tempDir();
  const clock = new FakeClock();
  const dead = open(temp.path, clock, { output: "all" });
  dead.recorder.note({ type: "task.started", spool: "s", task: "a", func: "f", attempt: 3 });
  dead.recorder.note(printed("a", "last words"));
  const slot = Date.UTC(2026, 10, 23, 9);
  dead.recorder.note({ type: "job.output", job: "j", slot, stream: "stdout", line: "half" });
  clock.advance(BATCH_MS);
  // As after a kill: the files, and nobody who holds their lock.
  for (const { name } of Deno.readDirSync(`${temp.path}/history/running`)) {
    if (!name.startsWith("program_")) continue;
    await Deno.remove(`${temp.path}/history/running/${name}`);
  }
  const { files, recorder } = open(temp.path, clock, { output: "all" });
  const [run] = attemptsOf(files, "a");
  assert(run);
  assertEquals([run.entry.fate, run.entry.reason], ["ready", "the program died while it ran"]);
  assertEquals(run.entry.attempt, 3);
  assertEquals(outputOf(files, run)?.map(({ text }) => text), ["last words"]);
  const [job] = runsIn(files, { job: "j" });
  assert(job && "job" in job.entry);
  assertEquals([job.entry.ok, job.entry.slot], [false, slot]);
  assertEquals(files.running(), []);
  recorder.close();
});

Deno.test("a job that runs rarely keeps its last runs, however often another one runs", async () => {
  await using temp = await tempDir();
  const clock = new FakeClock();
  const limit = { kind: "runs", count: 40 } as const;
  const { files, recorder } = open(temp.path, clock, { limit, output: "all" }, true);
  const run = (job: string, slot: number) => {
    recorder.note({ type: "job.output", job, slot, stream: "stdout", line: `${job} ${slot}` });
    const ended = { attempt: 1, exit: "exit code 0", ok: true, tookMs: 1 };
    recorder.note({ type: "job.ended", job, slot, ...ended });
    clock.advance(BATCH_MS);
  };
  for (let slot = 1; slot <= 7; slot++) run("nightly", slot);
  for (let slot = 1; slot <= 500; slot++) run("beat", slot);
  const nightly = [...runsIn(files, { job: "nightly" })];
  const slots = nightly.map(({ entry }) => "job" in entry ? entry.slot : null);
  assertEquals(slots, [7, 6, 5, 4, 3]);
  assertEquals(
    nightly.map((each) => outputOf(files, each)?.[0]?.text),
    [7, 6, 5, 4, 3].map((slot) => `nightly ${slot}`),
  );
  const all = [...runsIn(files)];
  assert(all.length <= 60, `${all.length} runs`);
  const starts = all.map(({ entry }) => entry.startedAt);
  assertEquals(starts, starts.toSorted((a, b) => b - a));
  recorder.close();
});

Deno.test("of very many jobs a history has no more than it is to have", async () => {
  await using temp = await tempDir();
  const clock = new FakeClock();
  const limit = { kind: "runs", count: 40 } as const;
  const { files, recorder } = open(temp.path, clock, { limit }, true);
  for (let slot = 1; slot <= 1000; slot++) {
    const ended = { attempt: 1, exit: "exit code 0", ok: true, tookMs: 1 };
    recorder.note({ type: "job.ended", job: `j${slot % 300}`, slot, ...ended });
    clock.advance(BATCH_MS);
  }
  const count = [...runsIn(files)].length;
  assert(count <= 60, `${count} runs`);
  recorder.close();
});

Deno.test("a history that cannot be written is one warning, and goes on when it can", async () => {
  await using temp = await tempDir();
  const clock = new FakeClock();
  await Deno.writeTextFile(`${temp.path}/history`, "in the way");
  const { files, recorder, warnings } = open(temp.path, clock);
  for (let at = 0; at < 3; at++) {
    recorder.note(settled(`lost ${at}`));
    clock.advance(BATCH_MS);
  }
  assertEquals(warnings.length, 1);
  assertMatch(warnings[0] ?? "", /^the history cannot be written: /);
  await Deno.remove(`${temp.path}/history`);
  recorder.note(settled("a"));
  clock.advance(BATCH_MS);
  assertEquals(names(files), ["a"]);
  recorder.close();
});

Deno.test("other settings hold from the next run on", async () => {
  await using temp = await tempDir();
  const clock = new FakeClock();
  const { files, recorder } = open(temp.path, clock);
  for (let at = 0; at < 100; at++) recorder.note(settled(`t${at}`));
  clock.advance(BATCH_MS);
  const limit = { kind: "runs", count: 8 } as const;
  recorder.use(limit, { limit, output: "all", outputMax: 1000 });
  recorder.note(printed("last", "text"));
  recorder.note(settled("last"));
  for (let at = 0; at < 10; at++) recorder.note(settled(`more ${at}`));
  recorder.close();
  assertEquals(names(files, { name: "last" }).length, 0);
  assertEquals(names(files).length <= 10, true);
});
