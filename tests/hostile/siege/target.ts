/** The program under siege: its site and its ports. */

import { freePort } from "../../support/port.ts";
import { join } from "@std/path";
import { quietly } from "../../../src/platform/quietly.ts";
import { makeTlsParties } from "../../support/certificates.ts";
import { fillSpool } from "../../support/fill.ts";
import { countingModule, countRuns, Program } from "./program.ts";

/** Where attackers find it; goes to their processes as JSON. */
export interface Address {
  readonly port: number;
  /** TLS that asks for a certificate of the CA. */
  readonly tlsPort: number;
  /** Of a program that asks for signatures. */
  readonly signedPort: number;
  /** Of the dashboard, which has no password. */
  readonly httpPort: number;
  readonly unix: string;
  /** The spool that the program works through. */
  readonly spool: string;
  /** The spool that attackers may fill; nobody works through it. */
  readonly victim: string;
}

export const MIB = 2 ** 20;
/** So many tasks a spool takes; that of the attackers is full from the start. */
const MOST_FILES = 5000;

export class Target extends Program {
  private constructor(private readonly dir: string, readonly address: Address) {
    super(join(dir, "site.ini"), join(dir, "log"));
  }

  static async prepare(dir: string, signedPort: number): Promise<Target> {
    await makeTlsParties(dir);
    const address = {
      port: freePort(),
      tlsPort: freePort(),
      httpPort: freePort(),
      signedPort,
      unix: join(dir, "socket"),
      spool: join(dir, "spool"),
      victim: join(dir, "victim"),
    };
    const ini = [
      "[uwsgi]",
      `socket = 127.0.0.1:${address.port}`,
      `socket = ${address.unix}`,
      `suwsgi-socket = 127.0.0.1:${address.tlsPort},server.pem,server.key,ca.pem`,
      `http-socket = 127.0.0.1:${address.httpPort}`,
      `spooler2 = dir=${address.spool},processes=2`,
      `spooler-external = ${address.victim}`,
      `spooler-max-files = ${MOST_FILES}`,
      "spooler-quiet = true",
      "spooler-max-body = 128M",
      "spooler-max-retries = 1",
      "spooler-import = tasks.mjs",
      // The other slot is for everybody else.
      "spooler-task = name=json,processes=1,stdin=json cat >/dev/null",
      "",
    ];
    await Deno.writeTextFile(join(dir, "site.ini"), ini.join("\n"));
    const module = `${countingModule(join(dir, "ran"))}
    export function body(_, body) { if (body.length === 0) throw new Error("no body"); }
    `;
    await Deno.writeTextFile(join(dir, "tasks.mjs"), module);
    fillSpool(address.victim, MOST_FILES);
    return new Target(dir, address);
  }

  /** Removes the bodies of tasks that ran at two kills, and so were given up: a siege kills a hundred times. */
  removeGivenUp(): void {
    const failed = join(this.address.spool, "failed");
    for (const { name } of quietly(() => [...Deno.readDirSync(failed)]) ?? []) {
      const path = join(failed, name);
      const size = quietly(() => Deno.lstatSync(path).size) ?? 0;
      if (size > MIB) quietly(() => Deno.removeSync(path));
    }
  }

  /** How often each task ran, by its number. */
  ran(): Map<string, number> {
    return countRuns(join(this.dir, "ran"));
  }
}
