/** A site with one kind of handler, its tasks, and what the functions told. */

import { join } from "@std/path";
import { TASK_PREFIX } from "../../src/spool/layout.ts";
import type { Program } from "../support/program.ts";
import { executable } from "../support/program.ts";
import { testWith } from "../support/require.ts";
import { makeSite, type Site } from "../support/site.ts";
import { writeTask } from "../support/task_files.ts";
import { until } from "../support/until.ts";
import { type ExecutorKind, EXECUTORS } from "./executors.ts";

export class ContractSite implements AsyncDisposable {
  readonly #stack = new AsyncDisposableStack();
  #count = 0;
  #workingDir: string;

  private constructor(private readonly site: Site, private readonly kind: ExecutorKind) {
    this.#stack.use(site);
    this.#workingDir = site.dir;
  }

  static async make(kind: ExecutorKind, ...ini: string[]): Promise<ContractSite> {
    const made = new ContractSite(await makeSite(), kind);
    for (const [name, text] of Object.entries(kind.files)) await made.write(name, text);
    await made.rewriteIni(...ini);
    return made;
  }

  /** The ini, with other lines than at first. */
  rewriteIni(...ini: string[]): Promise<void> {
    const lines = this.kind.ini(this.#workingDir, this.#stack);
    const text = ["[uwsgi]", "spooler-frequency = 1", ...lines, ...ini, ""].join("\n");
    return Deno.writeTextFile(this.site.ini, text);
  }

  /** An ini by which the functions work in another directory, below the one of now. */
  async moveTo(name: string): Promise<void> {
    this.#workingDir = join(this.#workingDir, name);
    await Deno.mkdir(this.#workingDir);
    await this.rewriteIni();
  }

  get dir(): string {
    return this.site.dir;
  }

  get spool(): string {
    return this.site.spool;
  }

  start(): Promise<Program> {
    return this.site.start();
  }

  write(name: string, text: string): Promise<void> {
    return Deno.writeTextFile(join(this.dir, name), text);
  }

  /** Puts a task for a function into the spool; returns its name. */
  async task(func: string, body?: Uint8Array): Promise<string> {
    const name = `${TASK_PREFIX}test_1_${++this.#count}_1_${this.#count}_0`;
    const vars = { ud_spool_func: func, colour: "red" };
    await writeTask(this.spool, name, vars, body ? { body } : {});
    return name;
  }

  /** The lines that functions have told so far. */
  told(): string[] {
    try {
      const lines = Deno.readTextFileSync(join(this.#workingDir, "told")).split("\n").slice(0, -1);
      return lines.map((line) => line.replaceAll(/\s+/g, " ").trim());
    } catch {
      return [];
    }
  }

  async untilTold(count: number): Promise<string[]> {
    await until(() => this.told().length >= count, `${count} lines told`);
    return this.told();
  }

  has(path: string): boolean {
    try {
      Deno.lstatSync(join(this.spool, path));
      return true;
    } catch {
      return false;
    }
  }

  async untilGone(name: string): Promise<void> {
    await until(() => !this.has(name), `${name} is gone`);
  }

  readJson(path: string): Record<string, unknown> {
    return JSON.parse(Deno.readTextFileSync(join(this.spool, path)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

/** One test for each kind of handler, or for some. */
export function contract(
  name: string,
  body: (kind: ExecutorKind) => Promise<void>,
  which: (kind: ExecutorKind) => boolean = () => true,
): void {
  const label = executable ? "executable, " : "";
  for (const kind of EXECUTORS.filter(which)) {
    testWith(kind.need, `${label}${kind.name}: ${name}`, () => body(kind));
  }
}

/** Those that have a function of this name. */
export const does = (func: string) => ({ functions }: ExecutorKind): boolean => functions.has(func);

export const inWorkers = (kind: ExecutorKind): boolean => kind.isWorker;
