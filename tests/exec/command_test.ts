import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { join } from "@std/path";
import { answerOf, commandExecutor } from "../../src/exec/command.ts";
import type { Answer } from "../../src/exec/executor.ts";
import { handlersFor } from "../../src/exec/executor.ts";
import { LeftBehind, leftBehind, MOST_LEFT } from "../../src/exec/left_behind.ts";
import { BURST_BYTES, BYTES_PER_SECOND } from "../../src/exec/pace.ts";
import { isShortage, runShell } from "../../src/exec/process.ts";
import { systemClock } from "../../src/platform/clock.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { makeGate } from "../support/processes.ts";
import { testWith } from "../support/require.ts";
import { claimNow, openStore, varsOf } from "../support/store.ts";
import { tempDir } from "../support/temp.ts";
import { until } from "../support/until.ts";

interface Ran {
  readonly answer: Answer;
  readonly lines: string[];
}

interface Given {
  readonly vars?: Record<string, string>;
  readonly body?: Uint8Array;
  readonly harakiriMs?: number;
  readonly signal?: AbortSignal;
  readonly stdin?: "body" | "json";
  readonly env?: Record<string, string | null>;
  onLine?(line: string): void;
}

/** Runs a command as a task, on a real spool. */
async function ran(command: string, given: Given = {}): Promise<Ran> {
  await using temp = await tempDir();
  const store = await openStore(temp.path);
  const vars = varsOf(given.vars ?? {});
  const task = claimNow(store, await store.put(given.body ? { vars, body: given.body } : { vars }));
  const lines: string[] = [];
  const handler = {
    name: null,
    command,
    place: { file: "test", line: 1 },
    user: null,
    stdin: given.stdin ?? "body",
    processes: null,
  } as const;
  const answer = await commandExecutor(
    handler,
    { env: given.env ?? {}, binsh: "/bin/sh" },
    systemClock,
  ).run({
    cwd: temp.path,
    task,
    func: "test",
    attempt: 2,
    dir: temp.path,
    harakiriMs: given.harakiriMs ?? null,
    signal: given.signal ?? new AbortController().signal,
    claimedElsewhere: () => {},
    output(stream, line) {
      lines.push(`${stream}: ${line}`);
      given.onLine?.(line);
    },
    dropped(count) {
      lines.push(`dropped: ${count}`);
    },
  });
  task.release();
  return { answer, lines };
}

const MEANINGS: [number, Answer["kind"]][] = [
  [0, "done"],
  [75, "retry"],
  [69, "ignored"],
  [1, "failed"],
  [127, "failed"],
  [65, "permanent"],
  [78, "permanent"],
  [100, "permanent"],
];

for (const [code, kind] of MEANINGS) {
  Deno.test(`exit code ${code} means ${kind}`, async () => {
    assertEquals((await ran(`exit ${code}`)).answer.kind, kind);
  });
}

Deno.test("a task's keys are environment, never part of the command line", async () => {
  const { lines } = await ran('echo "$SPOOL_NAME|$SPOOL_MAIL_TO|$SPOOLER_ATTEMPT|$SPOOLER_FUNC"', {
    vars: { name: "$(echo pwned); `id`", "mail-to": "a b" },
  });
  assertEquals(lines, ["stdout: $(echo pwned); `id`|a b|2|test"]);
});

Deno.test("the command finds its task's name and file", async () => {
  const { lines } = await ran(
    'test -f "$SPOOLER_FILE" && test "$SPOOL_SPOOLER_TASK_NAME" = ' +
      '"$SPOOLER_TASK" && basename "$SPOOLER_FILE" | cut -c1-19',
  );
  assertEquals(lines, ["stdout: uwsgi_spoolfile_on_"]);
});

Deno.test("the body is stdin, whole", async () => {
  const body = new Uint8Array(300_000).fill(65);
  const { lines } = await ran("wc -c", { body });
  assertEquals(lines, ["stdout: 300000"]);
});

Deno.test("a command that does not read its stdin does no harm", async () => {
  const { answer } = await ran("exec <&-; exit 0", { body: new Uint8Array(1_000_000) });
  assertEquals(answer.kind, "done");
});

Deno.test("the end of stderr is kept with a failure", async () => {
  const { answer, lines } = await ran("echo what a pity >&2; exit 3");
  assert(answer.kind === "failed");
  assertEquals(answer.stderr, "what a pity\n");
  assertEquals(answer.reason, "exit code 3");
  assertEquals(lines, ["stderr: what a pity"]);
});

Deno.test("a signal is a failure that says which", async () => {
  const { answer } = await ran("kill -SEGV $$");
  assert(answer.kind === "failed");
  assertEquals(answer.reason, "killed by SIGSEGV");
});

Deno.test("harakiri ends the command and everything it started", async () => {
  let child = 0;
  const { answer } = await ran("sleep 600 & echo $!; wait", {
    harakiriMs: 100,
    onLine: (line) => child = Number(line),
  });
  assert(answer.kind === "failed");
  assertEquals(answer.reason, "harakiri after 0.1 s");
  await gone(child);
});

Deno.test("a task is over when its command is, though a child holds its stdout", async () => {
  let child = 0;
  const { answer } = await ran("sleep 600 & echo $!", { onLine: (line) => child ||= Number(line) });
  assertEquals(answer.kind, "done");
  Deno.kill(child, "SIGKILL");
  await until(() => leftBehind.count === 0, "its pipes stay open");
});

Deno.test("a command that prints without end waits for its own output, until harakiri", async () => {
  const startedAt = performance.now();
  let bytes = 0;
  const { answer } = await ran("yes", {
    harakiriMs: 500,
    onLine: (line) => bytes += line.length + 1,
  });
  assertEquals(answer.kind, "failed");
  const seconds = (performance.now() - startedAt) / 1000;
  // The pipe and the last piece that was read may come on top.
  const most = BURST_BYTES + seconds * BYTES_PER_SECOND + 128 * 1024;
  assert(bytes > 0 && bytes <= most, `${bytes} bytes in ${seconds} s`);
});

testWith("libc", "commands that have ended leave no zombies", async () => {
  const runs = await Promise.all(
    Array.from({ length: 20 }, (_, i) => ran(`echo $$; exit ${i % 2}`)),
  );
  // Tests beside this one have children of their own, in the same process.
  const pids = runs.flatMap(({ lines }) => lines.map((line) => line.replace("stdout: ", "")));
  assertEquals(pids.length, 20);
  assertEquals(pids.filter(isZombie), []);
});

/** Whether nobody has waited for a process that has ended (proc(5), stat). */
function isZombie(pid: string): boolean {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    return stat.slice(stat.lastIndexOf(")") + 2).startsWith("Z");
  } catch {
    return false;
  }
}

Deno.test("a stop that cannot wait interrupts the command, which is no failure", async () => {
  const abort = new AbortController();
  const { answer } = await ran("echo up; sleep 600", {
    signal: abort.signal,
    onLine: () => abort.abort(),
  });
  assertEquals(answer.kind, "interrupted");
});

Deno.test("with stdin=json the command gets the whole task as one line", async () => {
  const { lines } = await ran("cat", {
    vars: { name: "wörld" },
    body: Uint8Array.of(0xff, 0),
    stdin: "json",
  });
  const task = JSON.parse(lines[0]?.replace("stdout: ", "") ?? "") as Record<string, unknown>;
  assertEquals(task.vars, { name: "wörld" });
  assertEquals([task.func, task.attempt, task.body64], ["test", 2, "/wA="]);
});

Deno.test("with stdin=json a body of many pieces is the same, as text and as base64", async () => {
  const text = `"quoted" \\ \n\u0000 wörld 😀 \ufeff`.repeat(9000);
  for (const body of [new TextEncoder().encode(text), new Uint8Array(200_001).fill(0xfe)]) {
    const command = `sed 's/"name":"[^"]*"/"name":""/' | sha256sum`;
    const { lines } = await ran(command, { body, stdin: "json" });
    const isText = body[0] !== 0xfe;
    const task = { name: "", func: "test", attempt: 2, vars: {} };
    const whole = isText
      ? { ...task, body: text }
      : { ...task, body64: Buffer.from(body).toString("base64") };
    const expected = createHash("sha256").update(`${JSON.stringify(whole)}\n`).digest("hex");
    assertEquals(lines[0], `stdout: ${expected}  -`);
  }
});

Deno.test("env sets variables, unenv takes them away", async () => {
  const { lines } = await ran('echo "$SITE ${PATH+has path} ${HOME+has home}"', {
    env: { SITE: "a", HOME: null },
  });
  assertEquals(lines, ["stdout: a has path "]);
});

Deno.test("handlers of the name come before those for all", () => {
  const named = (name: string | null) => ({
    name,
    processes: null,
    run: () => Promise.resolve({ kind: "done" } as const),
  });
  const executors = [named(null), named("a"), named("b")];
  assertEquals(handlersFor(executors, "a").map(({ name }) => name), ["a", null]);
  assertEquals(handlersFor(executors, "").map(({ name }) => name), [null]);
});

/** Waits until no process has this pid, or only a dead one that nobody has reaped. */
async function gone(pid: number): Promise<void> {
  while (true) {
    try {
      if ((await Deno.readTextFile(`/proc/${pid}/stat`)).includes(") Z ")) return;
    } catch {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

Deno.test("what a command leaves in the background can go on printing, and is heard", async () => {
  await using temp = await tempDir();
  const path = join(temp.path, "gate");
  const gate = await makeGate(path);
  const { promise: heard, resolve } = Promise.withResolvers<void>();
  const onLine = (line: string) => line === "late" && resolve();
  const command = `echo begun; (read _ < ${path}; echo late; echo ok > ${temp.path}/alive) &`;
  const { answer, lines } = await ran(command, { onLine });
  assertEquals(answer.kind, "done");
  assertEquals(leftBehind.count, 1);
  assert(lines.some((line) => line.includes("goes on in the background")), lines.join("\n"));
  await gate.open();
  await heard;
  await until(() => leftBehind.count === 0, "the pipes stay open");
  const isThere = (name: string) => Deno.stat(join(temp.path, name)).then(() => true, () => false);
  await until(() => isThere("alive"), "it was killed by SIGPIPE");
  // It is said once of a command.
  const again = await ran(command);
  assert(!again.lines.some((line) => line.includes("in the background")));
  await gate.open();
  await until(() => leftBehind.count === 0, "the pipes stay open");
});

Deno.test("only so many pipes of what goes on are held; the oldest is let go", async () => {
  const closed: number[] = [];
  const left = new LeftBehind();
  const readings = Array.from({ length: MOST_LEFT + 2 }, () => Promise.withResolvers<void>());
  for (const [index, { promise }] of readings.entries()) {
    left.add(promise, () => closed.push(index));
  }
  assertEquals([left.count, closed], [MOST_LEFT, [0, 1]]);
  for (const { resolve } of readings) resolve();
  await until(() => left.count === 0, "they are not forgotten");
});

testWith(
  "root",
  "a command for an account has its supplementary groups, and no others",
  async () => {
    for (const [groups, expected] of [[[65534, 44, 29], "65534 29 44"], [[], "65534"]] as const) {
      const lines: string[] = [];
      const { exit } = await runShell({
        command: "id -u; id -G | tr ' ' '\\n' | sort -n | tr '\\n' ' '; echo",
        cwd: "/",
        env: {},
        account: { uid: 65534, gid: 65534, groups },
        harakiriMs: null,
        signal: new AbortController().signal,
        dropped: () => {},
        clock: systemClock,
        output: (_, line) => lines.push(line.trim()),
      });
      assertEquals(exit, { kind: "code", code: 0 });
      assertEquals(lines[0], "65534");
      assertEquals(lines[1]?.split(" ").toSorted(), expected.split(" ").toSorted());
    }
  },
);

Deno.test("what the machine refuses is no failure of the task, what the command lacks is one", () => {
  const answer = (isShortage: boolean) =>
    answerOf({ exit: { kind: "not started", reason: "no", isShortage }, stderr: "" });
  assertEquals([answer(true).kind, answer(false).kind], ["unavailable", "failed"]);
  for (const errno of [11, 12, 23, 24]) assert(isShortage(new Error(`no (os error ${errno})`)));
  assert(!isShortage(new Error("No such file or directory (os error 2)")));
});
