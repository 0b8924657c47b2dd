/** The program under siege: its site, its ports, and how it is started again after a kill. */

import { join } from "@std/path";
import { makeTlsParties } from "../../support/certificates.ts";
import { commandLine } from "../../support/program.ts";
import { fillSpool } from "../../support/fill.ts";
import { until } from "../../support/until.ts";

/** Where attackers find it; goes to their processes as JSON. */
export interface Address {
  readonly port: number;
  /** TLS that asks for a certificate of the CA. */
  readonly tlsPort: number;
  readonly unix: string;
  /** The spool that attackers may fill; nobody works through it. */
  readonly victim: string;
}

export const MIB = 2 ** 20;
/** So many tasks a spool takes; that of the attackers is full from the start. */
const MOST_FILES = 5000;

export class Target implements AsyncDisposable {
  #child: Deno.ChildProcess | null = null;

  private constructor(readonly dir: string, readonly address: Address) {}

  static async prepare(dir: string): Promise<Target> {
    await makeTlsParties(dir);
    const address = {
      port: freePort(),
      tlsPort: freePort(),
      unix: join(dir, "socket"),
      victim: join(dir, "victim"),
    };
    const ini = [
      "[uwsgi]",
      `socket = 127.0.0.1:${address.port}`,
      `socket = ${address.unix}`,
      `suwsgi-socket = 127.0.0.1:${address.tlsPort},server.pem,server.key,ca.pem`,
      `spooler2 = dir=${join(dir, "spool")},processes=2`,
      `spooler-external = ${address.victim}`,
      `spooler-max-files = ${MOST_FILES}`,
      "spooler-quiet = true",
      "spooler-max-body = 128M",
      "spooler-max-retries = 1",
      "spooler-import = tasks.mjs",
      "spooler-task = name=json,stdin=json cat >/dev/null",
      "",
    ];
    await Deno.writeTextFile(join(dir, "site.ini"), ini.join("\n"));
    const run = `export function count({ n }) {
      Deno.writeTextFileSync(${JSON.stringify(join(dir, "ran"))}, n + "\\n", { append: true });
    }
    export function body(_, body) { if (body.length === 0) throw new Error("no body"); }
    `;
    await Deno.writeTextFile(join(dir, "tasks.mjs"), run);
    fillSpool(address.victim, MOST_FILES);
    return new Target(dir, address);
  }

  get pid(): number {
    if (this.#child === null) throw new Error("the program does not run");
    return this.#child.pid;
  }

  get logPath(): string {
    return join(this.dir, "log");
  }

  async start(): Promise<void> {
    const [file, args] = commandLine(["--ini", join(this.dir, "site.ini")]);
    const before = this.logText().split(" ready").length;
    const shell = 'log=$1; shift; exec "$@" 2>>"$log"';
    this.#child = new Deno.Command("sh", {
      args: ["-c", shell, "sh", this.logPath, file, ...args],
      stdin: "null",
      stdout: "null",
      env: { NO_COLOR: "1" },
    }).spawn();
    try {
      await until(() => this.logText().split(" ready").length > before, "the program is ready");
    } catch (error) {
      console.error(this.logText());
      throw error;
    }
  }

  async kill(): Promise<void> {
    this.#child?.kill("SIGKILL");
    await this.#child?.status;
    this.#child = null;
  }

  /** @returns its exit code */
  async stop(): Promise<number> {
    this.#child?.kill("SIGTERM");
    const status = await this.#child?.status;
    this.#child = null;
    return status?.code ?? 0;
  }

  logText(): string {
    try {
      return Deno.readTextFileSync(this.logPath);
    } catch {
      return "";
    }
  }

  /** How often each task ran, by its number. */
  ran(): Map<string, number> {
    const counts = new Map<string, number>();
    let text = "";
    try {
      text = Deno.readTextFileSync(join(this.dir, "ran"));
    } catch {
      return counts;
    }
    for (const n of text.split("\n").slice(0, -1)) counts.set(n, (counts.get(n) ?? 0) + 1);
    return counts;
  }

  /** Resident memory of the program itself, in bytes; 0 when it does not run. */
  memory(): number {
    try {
      const status = Deno.readTextFileSync(`/proc/${this.pid}/status`);
      return 1024 * Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0);
    } catch {
      return 0;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
