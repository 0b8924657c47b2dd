/** Credentials files of nsc, against a real nats-server in operator mode; and what check finds of streams. */

import { join } from "@std/path";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { NatsServer } from "../support/nats.ts";
import { NatsOperator } from "../support/nats_jwt.ts";
import { Program, programLabel, spooler } from "../support/program.ts";
import { testWith } from "../support/require.ts";
import { tempDir } from "../support/temp.ts";

testWith(
  "nats",
  `${programLabel}: creds= logs in where accounts have JWTs; what is refused names the file, and no seed`,
  async () => {
    await using temp = await tempDir();
    const operator = new NatsOperator();
    await using server = await NatsServer.start(operator.settings());
    const dir = server.address("jobs");
    const siteWith = async (name: string, login: string, ...lines: string[]) => {
      const ini = join(temp.path, `${name}.ini`);
      await Deno.writeTextFile(
        ini,
        ["[uwsgi]", `spooler-nats = ${login}`, ...lines, ""].join("\n"),
      );
      return ini;
    };
    const own = operator.credentials();
    await Deno.writeTextFile(join(temp.path, "site.creds"), own.text);
    const ini = await siteWith(
      ...["site", "creds=site.creds", `spooler-stream = ${dir}`] as const,
      ...[`spooler-forward = out ${dir}`, "spooler-task = name=f echo ran"],
    );
    const made = await spooler(["stream", "create", dir, "--ini", ini]);
    assertEquals(made.code, 0, made.stderr);
    await using program = await Program.start(["--ini", ini]);
    assertEquals((await spooler(["push", "--ini", ini, "ud_spool_func=f"])).code, 0);
    await program.line(/ran$/);
    const pushed = await spooler(["push", "--dir", dir, "--ini", ini, "--wait", "ud_spool_func=f"]);
    assertEquals([pushed.code, pushed.stdout], [0, "2\n"], pushed.stderr);
    assertEquals(await program.stop(), 0);

    const stranger = new NatsOperator().credentials();
    const limited = operator.credentials({ pub: { allow: ["_INBOX.>"] } });
    await Deno.writeTextFile(join(temp.path, "stranger.creds"), stranger.text);
    await Deno.writeTextFile(join(temp.path, "limited.creds"), limited.text);
    await Deno.writeTextFile(join(temp.path, "cut.creds"), own.seed);
    await Deno.writeTextFile(join(temp.path, "cut.nkey"), own.seed.slice(0, -9));
    const file = (name: string) => join(temp.path, name);
    const cases = [
      [
        "creds=stranger.creds",
        `Authorization Violation for the creds file ${file("stranger.creds")} of`,
      ],
      ["creds=cut.creds", `the creds file ${file("cut.creds")} needs a JWT and a seed`],
      ["nkey=cut.nkey", `the nkey file ${file("cut.nkey")} needs a seed (SU…)`],
      ["creds=none.creds", file("none.creds")],
      ["creds=limited.creds", `for the creds file ${file("limited.creds")} of spooler-nats`],
      // Somebody gives the seed in place of its file.
      [`nkey=${own.seed}`, "********"],
      ["ca=site.creds", ""],
    ] as const;
    for (const [login, reason] of cases) {
      const wrong = await siteWith("wrong", login);
      const { code, stdout, stderr } = await spooler(["list", "--dir", dir, "--ini", wrong]);
      assert(code > 0 && stdout === "", stderr);
      assertStringIncludes(stderr, reason);
      for (const seed of [own.seed, stranger.seed, limited.seed]) {
        assert(!stderr.includes(seed.slice(0, 20)), stderr);
      }
    }
  },
);

testWith(
  "nats",
  `${programLabel}: check --connect says what the servers of streams are, and what may cost tasks`,
  async () => {
    await using temp = await tempDir();
    await using server = await NatsServer.start();
    const dir = server.address("jobs");
    const ini = join(temp.path, "site.ini");
    const lines = [`spooler-stream = ${dir}`, `spooler-forward = out ${dir}`];
    await Deno.writeTextFile(ini, ["[uwsgi]", ...lines, "spooler-task = true", ""].join("\n"));
    const asked = await spooler(["check", ini]);
    assert(!asked.stdout.includes("Servers of streams"), asked.stdout);
    const missing = await spooler(["check", ini, "--connect", "--format", "gcc"]);
    assertEquals(missing.code, 0);
    assertMatch(
      missing.stdout,
      /site\.ini:2: warning: nats:.*jobs: there is no stream jobs; make it/,
    );
    await server.create("jobs");
    const { code, stdout } = await spooler(["check", ini, "--connect"]);
    assertEquals(code, 0);
    assertMatch(
      stdout,
      /\nServers of streams\n {2}nats:\S+\/jobs\n +on one server; server \d+\.\d+/,
    );
    assertMatch(stdout.replaceAll(/\s+/g, " "), /jobs: .*(has no sync_interval|set sync_interval)/);
    assertEquals(stdout.split("sync_interval").length, 2);
    await server.kill();
    const away = await spooler(["check", ini, "--connect", "--json"]);
    assertMatch(JSON.parse(away.stdout).warnings[0].message, /Connection refused/);
  },
);
