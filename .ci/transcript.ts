/**
 * The commands in a page of the documentation: every block ```console is run in one shell, from the
 * first to the last, and its output compared, or written into the page
 * (`deno run -A .ci/transcript.ts PAGE…`).
 */

import { root } from "./test_files.ts";

/** Where the reader is, in the page. */
const HOME = "/home/ann";

interface Step {
  readonly command: string;
  /** Lines as they are on the page, with `$ ` and `> `. */
  readonly shown: readonly string[];
  readonly output: string;
}

/**
 * Commands that only look. What they show comes from files that the program writes some tenths of a second
 * later, so they are asked again until they say what is on the page, or for so long.
 */
const LOOKS = /^spooler (show|list|jobs|status|log) /;
const LOOK_AGAIN_MS = 100;
const MOST_LOOKS = 50;

const BLOCK = /^```console\n([^]*?)^```$/gm;

/** @param block the text between the fences */
function stepsOf(block: string): Step[] {
  const steps: { command: string; shown: string[]; output: string }[] = [];
  for (const line of block.split("\n").slice(0, -1)) {
    const last = steps.at(-1);
    if (line.startsWith("$ ")) steps.push({ command: line.slice(2), shown: [line], output: "" });
    else if (last === undefined) throw new Error(`no command before this line: ${line}`);
    else if (line.startsWith("> ") && last.output === "") {
      last.command += `\n${line.slice(2)}`;
      last.shown.push(line);
    } else last.output += `${line}\n`;
  }
  return steps;
}

/** A shell in a directory of its own, with `spooler` in its PATH. */
class Shell implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reader: ReadableStreamDefaultReader<string>;
  #rest = "";
  /** All that came, for an error. */
  #all = "";

  constructor(private readonly home: string, bin: string) {
    this.#child = new Deno.Command("setsid", {
      args: ["bash", "--norc", "--noprofile"],
      cwd: home,
      env: { PATH: `${bin}:${Deno.env.get("PATH")}`, NO_COLOR: "1", LC_ALL: "C.UTF-8", TZ: "UTC" },
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    this.#writer = this.#child.stdin.getWriter();
    this.#reader = this.#child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** What a command writes to both outputs, as the page has it. */
  async run(command: string): Promise<string> {
    const mark = `-- ${crypto.randomUUID()} --`;
    const line = `{ ${command}\n} 2>&1 </dev/null\necho '${mark}'\n`;
    await this.#writer.write(new TextEncoder().encode(line));
    const late = AbortSignal.timeout(60_000);
    while (!this.#rest.includes(`${mark}\n`)) {
      const ended = new Promise<never>((_, reject) =>
        late.addEventListener(
          "abort",
          () => reject(new Error(`took too long: ${command}, after\n${this.#all}`)),
        )
      );
      const { value, done } = await Promise.race([this.#reader.read(), ended]);
      if (done) throw new Error(`the shell ended: ${command}`);
      this.#rest += value;
      this.#all += value;
    }
    const [output = "", ...rest] = this.#rest.split(`${mark}\n`);
    this.#rest = rest.join(`${mark}\n`);
    return output.replaceAll(this.home, HOME);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { pid } = this.#child;
    await new Deno.Command("pkill", { args: ["-KILL", "-s", String(pid)] }).output();
    await this.#writer.close().catch(() => {});
    await this.#reader.cancel().catch(() => {});
    await this.#child.status;
  }
}

export interface Played {
  /** The page with the output that came. */
  readonly text: string;
  readonly steps: readonly { readonly step: Step; readonly output: string }[];
}

/** @param command that starts the program: a file and its first arguments */
export async function play(text: string, command: readonly string[]): Promise<Played> {
  const dir = await Deno.realPath(await Deno.makeTempDir({ prefix: "spooler-tour-" }));
  try {
    const bin = `${dir}/bin`;
    const home = `${dir}/ann`;
    await Deno.mkdir(bin);
    await Deno.mkdir(home);
    const words = command.map((word) => `'${word}'`).join(" ");
    const script = `#!/bin/sh\nexec ${words} "$@"\n`;
    await Deno.writeTextFile(`${bin}/spooler`, script, { mode: 0o755 });
    await using shell = new Shell(home, bin);
    const steps: { step: Step; output: string }[] = [];
    const blocks = new Map<string, string>();
    for (const [, block = ""] of text.matchAll(BLOCK)) {
      let played = "";
      for (const step of stepsOf(block)) {
        const output = await outputOf(step, shell);
        steps.push({ step, output });
        played += `${step.shown.join("\n")}\n${output}`;
      }
      blocks.set(block, played);
    }
    return {
      text: text.replaceAll(BLOCK, (_, block) => `\`\`\`console\n${blocks.get(block)}\`\`\``),
      steps,
    };
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

async function outputOf({ command, output: shown }: Step, shell: Shell): Promise<string> {
  let output = await shell.run(command);
  for (let looks = 1; LOOKS.test(command) && looks < MOST_LOOKS; looks++) {
    if (normalised(output) === normalised(shown)) break;
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
    output = await shell.run(command);
  }
  return output;
}

/** Without what differs each time: times, names, numbers of processes, durations, widths. */
export function normalised(output: string): string {
  return output
    .replaceAll(/\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun) \d{4}-\d\d-\d\d/g, "DATE")
    .replaceAll(/\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?( UTC|Z|\+\d\d:\d\d)?/g, "TIME")
    .replaceAll(/[\w.-]+_\d+_\d+_\d+_\d{10}_\d+/g, "TASK")
    .replaceAll(/\b\d+_\d{1,6}\b/g, "TASK")
    .replaceAll(/\b(pid|process) \d+/g, "$1 PID")
    .replaceAll(/\b(in )?\d+(\.\d+)? ?(ms|s|m|h|d|min)\b/g, "SPAN")
    .replaceAll(/ +/g, " ");
}

if (import.meta.main) {
  for (const path of Deno.args) {
    const before = await Deno.readTextFile(path);
    const program = Deno.env.get("SPOOLER_EXECUTABLE");
    const command = program === undefined
      ? [Deno.execPath(), "run", "--quiet", "--allow-all", `${root}main.ts`]
      : [await Deno.realPath(program)];
    await Deno.writeTextFile(path, (await play(before, command)).text);
  }
}
