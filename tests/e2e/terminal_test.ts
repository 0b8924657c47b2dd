/** On a terminal: colours, lines no wider than it, and a progress; elsewhere none of it. */

import { commandLine, programLabel, spooler } from "../support/program.ts";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { testWith } from "../support/require.ts";
import { ACCEPTED } from "../support/peer.ts";
import { makeSite } from "../support/site.ts";
import { writeTask } from "../support/task_files.ts";
import { TASK_PREFIX } from "../../src/spool/layout.ts";
import { MODIFIER_SPOOL } from "../../src/wire/packet.ts";
import { pause } from "../support/until.ts";

const NAME = "web1_29218_1_1634773872_1795434775_554000";
const COLUMNS = 60;
/** A progress is shown of what takes longer. */
const SHOWN_AFTER_MS = 1050;

const ESCAPE = "\x1b";

/** What a command writes to a terminal of so many columns; ESC is shown as `^`. */
async function onTerminal(
  [file, args]: [string, string[]],
  env: Record<string, string> = {},
): Promise<string> {
  const quoted = [file, ...args].map((word) => `'${word}'`).join(" ");
  const { stdout } = await new Deno.Command("script", {
    args: ["-qec", `stty cols ${COLUMNS}; ${quoted}`, "/dev/null"],
    env: { TERM: "xterm", ...env },
    stdin: "null",
    stderr: "null",
  }).output();
  const text = new TextDecoder().decode(stdout).replaceAll("\r\n", "\n");
  return text.replaceAll(ESCAPE, "^");
}

testWith(
  ["libc", "script"],
  `${programLabel}: tables are in colours and cut on a terminal, and plain elsewhere`,
  async () => {
    await using site = await makeSite();
    await writeTask(site.spool, TASK_PREFIX + NAME, { ud_spool_func: "send_mail" });
    const list = ["list", "--dir", site.spool];
    const shown = await onTerminal(commandLine(list), { NO_COLOR: "" });
    assertMatch(shown, /^\^\[1mSTATE\^\[0m /m);
    assertMatch(shown, /^\^\[36mready\^\[0m .*…[\d_]*554000/m);
    const plain = await onTerminal(commandLine(list), { NO_COLOR: "1" });
    assert(!plain.includes("^"), plain);
    const rows = plain.split("\n").filter((line) => /^(?:STATE|ready) /.test(line));
    assertEquals(rows.length, 2);
    assert(rows.every((line) => [...line].length <= COLUMNS), plain);
    const { stdout, stderr } = await spooler(list, "", { NO_COLOR: "" });
    assertMatch(stdout, new RegExp(`^ready .* ${NAME}$`, "m"));
    assert(!`${stdout}${stderr}`.includes(ESCAPE));
  },
);

/** A command on a terminal, while it goes on: what it has written so far, and keys that are pressed. */
class Watched implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #reader: ReadableStreamDefaultReader<string>;
  #text = "";

  constructor(
    [file, args]: [string, string[]],
    { columns, rows }: { columns: number; rows: number },
  ) {
    const quoted = [file, ...args].map((word) => `'${word}'`).join(" ");
    this.#child = new Deno.Command("script", {
      args: ["-qfec", `stty cols ${columns} rows ${rows}; exec ${quoted}`, "/dev/null"],
      env: { TERM: "xterm", NO_COLOR: "1" },
      ...{ stdin: "piped", stdout: "piped", stderr: "null" },
    }).spawn();
    this.#reader = this.#child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** The last screen that is whole, once it matches. */
  async screen(pattern: RegExp): Promise<string> {
    while (true) {
      const [last = "", ...before] = this.#text.split("\x1b[H").toReversed();
      const whole = last.includes("\x1b[J") ? last : before[0] ?? "";
      if (pattern.test(whole)) return whole;
      const { done, value } = await this.#reader.read();
      if (done) throw new Error(`no screen like ${pattern}:\n${this.#text}`);
      this.#text = (this.#text + value).slice(-100_000);
    }
  }

  /** @returns what it writes until its end */
  async press(key: string): Promise<string> {
    const writer = this.#child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(key));
    writer.releaseLock();
    for (let rest = "";;) {
      const { done, value } = await this.#reader.read();
      if (done) return rest;
      rest += value;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child.stdin.close().catch(() => {});
    await this.#reader.cancel().catch(() => {});
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await this.#child.status;
  }
}

testWith(
  ["libc", "script"],
  `${programLabel}: status --watch draws one screen over the other, no larger than the terminal`,
  async () => {
    await using site = await makeSite(
      "spooler-task = name=slow sleep 1000",
      "spooler-processes = 1",
    );
    await using program = await site.start();
    const rows = 12;
    const command = commandLine(["status", "--dir", site.spool, "--watch"]);
    await using watched = new Watched(command, { columns: COLUMNS, rows });
    await watched.screen(/^SPOOL +READY /m);
    const tasks = Array.from({ length: 20 }, (_, n) => `${TASK_PREFIX}h_1_${n}_1_1_1`);
    for (const name of tasks) await writeTask(site.spool, name, { ud_spool_func: "slow" });
    const shown = await watched.screen(/ 19 +0 +1 +0 /);
    const lines = shown.replaceAll("\r", "").replaceAll(`${ESCAPE}[K`, "").replaceAll(
      `${ESCAPE}[J`,
      "",
    ).trimEnd().split("\n");
    assert(lines.length <= rows, shown);
    assert(lines.every((line) => [...line].length <= COLUMNS), shown);
    // What was there before is not cleared first, which would flicker, but written over.
    assert(!shown.includes("\x1b[2J"), shown);
    await program.kill();
    await watched.screen(/no running spooler answers here/);
    assertEquals((await watched.press("\x03")).includes("rror"), false);
  },
);

testWith(
  ["libc", "script"],
  `${programLabel}: status --watch draws on a terminal that does not say how large it is`,
  async () => {
    await using site = await makeSite();
    await Deno.mkdir(site.spool);
    const command = commandLine(["status", "--dir", site.spool, "--watch"]);
    await using watched = new Watched(command, { columns: 0, rows: 0 });
    await watched.screen(/^SPOOL +READY /m);
  },
);

const LONG = `
import { Progress } from "${new URL("../../src/cli/progress.ts", import.meta.url)}";
import { note } from "${new URL("../../src/cli/output.ts", import.meta.url)}";
{
  using progress = new Progress(() => 1_000_000_000);
  for (const end = performance.now() + 1500; performance.now() < end;) progress.step();
  note("between");
  for (const end = performance.now() + 300; performance.now() < end;) progress.step();
}
note("over");
`;

testWith(
  "script",
  "a progress is one line that makes room for others, and goes at the end",
  async () => {
    const config = new URL("../../deno.json", import.meta.url).pathname;
    const file = await Deno.makeTempFile({ suffix: ".ts" });
    try {
      await Deno.writeTextFile(file, LONG);
      const args = ["run", "--quiet", "--allow-all", "--config", config, file];
      const shown = await onTerminal([Deno.execPath(), args]);
      assertMatch(shown, / of 1,000,000,000, [\d,]+\/s, \d+[smhd] left/);
      // Each line is cleared before another is drawn, or written.
      assertMatch(shown, /\r\^\[Kspooler: between\n/);
      assertMatch(shown, /\r\^\[Kspooler: over\n/);
      for (const drawn of shown.split(/\r\^\[K|\n/)) assert(drawn.length < COLUMNS, drawn);
      const { stderr } = await new Deno.Command(Deno.execPath(), { args, stderr: "piped" })
        .output();
      assertEquals(new TextDecoder().decode(stderr), "spooler: between\nspooler: over\n");
    } finally {
      await Deno.remove(file);
    }
  },
);

testWith(
  ["libc", "script"],
  `${programLabel}: a drain shows its progress below its log, and only on a terminal`,
  async () => {
    await using site = await makeSite("spooler-task = sleep 0.3", "spooler-processes = 1");
    const put = async () => {
      for (let at = 1; at <= 6; at++) {
        await writeTask(site.spool, `${TASK_PREFIX}h_1_${at}_1_1`, {});
      }
    };
    await put();
    const command = ["run-once", "--ini", site.ini];
    const shown = await onTerminal(commandLine(command));
    assertMatch(shown, / \d+ % (?:\[[=> ]+\] )?[3-6] of 6, \d+\/s, \d+s left\r\^\[K/);
    // Nothing of it stays, neither before a line of the log nor at the end.
    const lines = shown.split("\n").map((line) => line.split("\r^[K").at(-1) ?? "");
    assert(lines.every((line) => line === "" || /^\d{4}-/.test(line)), shown);
    assertMatch(shown, /6 done, 0 failed, 0 deferred/);
    await put();
    const { stderr } = await spooler(command);
    assert(!stderr.includes(" of 6") && !stderr.includes("\r"), stderr);
  },
);

testWith(
  "script",
  `${programLabel}: a long push to a server shows its progress on a terminal`,
  async () => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr as Deno.NetAddr;
    const serving = serveSlowly(listener, 4);
    const file = await Deno.makeTempFile({ prefix: "spooler-test-" });
    await Deno.writeTextFile(file, '{"ud_spool_func":"f"}\n'.repeat(4));
    const shown = await onTerminal(
      commandLine(["push", "--to", `127.0.0.1:${port}`, "--lines", file]),
    );
    await serving;
    await Deno.remove(file);
    assertMatch(shown, / \d+ % (?:\[[=> ]+\] )?[34] of 4, \d+\/s, \d+s left\r\^\[K/);
    assert(shown.endsWith("accepted\n".repeat(4)), shown);
  },
);

/** A uWSGI: a connection for each task, and no answer to a ping. It is slow with the third. */
async function serveSlowly(listener: Deno.Listener, tasks: number): Promise<void> {
  for (let taken = 0; taken < tasks;) {
    using connection = await listener.accept();
    const packet = new Uint8Array(4096);
    await connection.read(packet);
    if (packet[0] !== MODIFIER_SPOOL) continue;
    if (++taken === 3) await pause(SHOWN_AFTER_MS);
    await connection.write(ACCEPTED);
  }
}

testWith(
  ["libc", "script"],
  `${programLabel}: where man(1) is not installed, man says so`,
  async () => {
    const [file, args] = commandLine(["man"]);
    const shown = await onTerminal(["env", ["PATH=/nowhere", file, ...args]]);
    assertMatch(shown, /spooler: man\(1\) is not installed; spooler help lists the commands/);
  },
);
