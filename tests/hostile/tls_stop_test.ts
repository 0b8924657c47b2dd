/** Reloads and stops amid TLS handshakes, at every step of them: the program ends well each time. */

import { join } from "@std/path";
import { assert, assertEquals } from "../support/assert.ts";
import { makeTlsParties } from "../support/certificates.ts";
import { descriptors } from "../support/hostile.ts";
import { quietPort } from "../support/port.ts";
import { programLabel } from "../support/program.ts";
import { testWith } from "../support/require.ts";
import { makeSite } from "../support/site.ts";
import { pause, until } from "../support/until.ts";

/** Starts of the program; the long form has 100. */
const ROUNDS = Number(Deno.env.get("SPOOLER_TLS_ROUNDS") ?? 2);
/** Reloads in each, that close the socket and open it anew. */
const RELOADS = 2;
const CLIENTS = 12;

/** Clients that come and go: some hang up in the middle of the handshake. */
class Clients {
  handshakes = 0;
  #isOver = false;
  readonly #all: Promise<void>[];

  constructor(private readonly dir: string, private readonly port: number) {
    this.#all = Array.from({ length: CLIENTS }, (_, n) => this.#run(n));
  }

  async #run(n: number): Promise<void> {
    const read = (name: string) => Deno.readTextFileSync(join(this.dir, name));
    const files = {
      caCerts: [read("ca.pem")],
      ...(n % 3 === 0 ? {} : { cert: read("client.pem"), key: read("client.key") }),
    };
    while (!this.#isOver) {
      try {
        await this.#talk(n, files);
      } catch {
        // The program is away, or let nobody in.
        await pause(1);
      }
    }
  }

  async #talk(n: number, files: Deno.ConnectTlsOptions | object): Promise<void> {
    const hostname = "127.0.0.1";
    if (n % 4 === 3) {
      using silent = await Deno.connect({ hostname, port: this.port });
      await silent.write(Uint8Array.of(22, 3, 1, 0, 200, 1));
      return await pause(Math.random() * 5);
    }
    const client = await Deno.connectTls({ hostname, port: this.port, ...files });
    try {
      await client.handshake();
      this.handshakes++;
      await client.read(new Uint8Array(1));
    } finally {
      client.close();
    }
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#all);
  }
}

testWith(
  "openssl",
  `${programLabel}: reloads and stops amid TLS handshakes, ${ROUNDS} times`,
  async () => {
    const port = quietPort();
    await using site = await makeSite(
      `suwsgi-socket = 127.0.0.1:${port},server.pem,server.key,ca.pem`,
      "socket-timeout = 1",
    );
    await makeTlsParties(site.dir);
    const pem = join(site.dir, "server.pem");
    const clients = new Clients(site.dir, port);
    try {
      for (let round = 0; round < ROUNDS; round++) {
        await using program = await site.start();
        let open = 0;
        for (let reload = 0; reload < RELOADS; reload++) {
          const before = clients.handshakes;
          await until(() => clients.handshakes > before + 5, "clients are let in");
          // Another certificate: the socket cannot be kept.
          await Deno.writeTextFile(pem, `${await Deno.readTextFile(pem)}\n`);
          program.signal("SIGHUP");
          const count = () => (program.log.match(/ ready$/gm) ?? []).length;
          await until(() => count() === reload + 2, "it reloads");
          open = Math.max(open, descriptors(program));
        }
        await pause(Math.random() * 20);
        assertEquals(await program.stop(), 0, program.log);
        assert(open < 60 + 2 * CLIENTS, `${open} descriptors`);
      }
    } finally {
      await clients.stop();
    }
    assert(clients.handshakes > 10 * ROUNDS);
  },
);
