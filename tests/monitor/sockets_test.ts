/** Health that is bad; several addresses and users, abstract ones among them; and what a reload changes. */

import { ailment } from "../../src/monitor/health.ts";
import type { ProgramSnapshot, SpoolSnapshot } from "../../src/report/snapshot.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { readAll, topRows } from "../support/monitor.ts";
import { type Program, spooler } from "../support/program.ts";
import { testWith } from "../support/require.ts";
import { makeSite, rewriteSite } from "../support/site.ts";
import { writeTask } from "../support/task_files.ts";
import { until } from "../support/until.ts";

const ONE = "uwsgi_spoolfile_on_h_1_1_1_1";

interface Got {
  readonly status: number;
  readonly text: string;
}

/** GET over a unix socket; null where nobody listens. */
async function get(path: string, page: string, user?: string): Promise<Got | null> {
  const login = user === undefined ? "" : `Authorization: Basic ${btoa(user)}\r\n`;
  const request = `GET ${page} HTTP/1.1\r\nHost: localhost\r\n${login}Connection: close\r\n\r\n`;
  try {
    const connection = await Deno.connect({ transport: "unix", path });
    await connection.write(new TextEncoder().encode(request));
    const answer = await new Response(connection.readable).text();
    const [head = "", text = ""] = answer.split("\r\n\r\n");
    return { status: Number(head.split(" ")[1]), text };
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) return null;
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

async function reload(program: Program, times: number): Promise<void> {
  program.signal("SIGHUP");
  await program.line(/ ready$/, times + 1);
}

Deno.test("health is bad when the program stops, a disk is full, or fates cannot be written", () => {
  const counts = { ready: 9, deferred: 9, running: 0, failed: 9, postponed: 9, held: 9 };
  const spool = { name: "mail", counts: { ...counts, unusable: 9, stuck: 0 }, freeBytes: 2 ** 30 };
  const of = (changes: object, more: object = {}) => {
    const spools = [{ ...spool, ...changes } as unknown as SpoolSnapshot];
    return ailment({ isStopping: false, spools, ...more } as unknown as ProgramSnapshot);
  };
  assertEquals(of({}), null);
  assertEquals(of({ freeBytes: null }), null);
  assertEquals(of({ counts: null }), null);
  assertEquals(of({ freeBytes: 4096 }), "spool mail: its disk is full");
  assertEquals(
    of({ counts: { ...spool.counts, stuck: 1 } }),
    "spool mail: what tasks came to cannot be written",
  );
  assertEquals(of({}, { isStopping: true }), "the program is stopping");
});

Deno.test("/healthz answers 503, and status --check 1, while a stop waits for a task", async () => {
  await using site = await makeSite(
    ...["http-socket = h.sock", "spooler-task = echo begun; until test -e go; do sleep 0.05; done"],
  );
  await using program = await site.start();
  await writeTask(site.spool, ONE, { a: "b" });
  await program.line(/begun/);
  const socket = `${site.dir}/h.sock`;
  assertEquals(await get(socket, "/healthz"), { status: 200, text: "ok\n" });
  program.signal("SIGTERM");
  await program.line(/stopping \(SIGTERM\)/);
  const bad = { status: 503, text: "the program is stopping\n" };
  assertEquals(await get(socket, "/healthz"), bad);
  const checked = await spooler(["status", "--check", "--ini", site.ini]);
  assertEquals([checked.code, checked.stdout], [1, "the program is stopping\n"]);
  await Deno.writeTextFile(`${site.dir}/go`, "");
  assertEquals(await program.ended(), 0);
  assertEquals(await get(socket, "/healthz"), null);
});

testWith(
  "libc",
  "several addresses, abstract ones, and users; a reload changes them and keeps the others open",
  async () => {
    const name = `spooler-test-${crypto.randomUUID()}`;
    await using site = await makeSite(
      ...[`http-socket = @${name}`, "http-socket = h.sock", "http-socket = gone.sock"],
      ...[`stats = @${name}-stats`, "stats = s.sock"],
      ...["spooler-http-auth = ann:@(ann)", "spooler-http-auth = ben:@(ben)"],
    );
    const passwords = { ann: "correct horse", ben: "battery staple", cleo: "another one" };
    for (const [user, password] of Object.entries(passwords)) {
      await Deno.writeTextFile(`${site.dir}/${user}`, `${password}\n`);
    }
    await using program = await site.start();
    const abstract = `\0${name}`;
    const [h, gone, more] = ["h", "gone", "more"].map((each) => `${site.dir}/${each}.sock`);
    const statusOf = async (socket: string | undefined, user: keyof typeof passwords) =>
      (await get(socket ?? "", "/healthz", `${user}:${passwords[user]}`))?.status;
    for (const socket of [abstract, h, gone]) {
      assertEquals(await statusOf(socket, "ann"), 200);
      assertEquals(await statusOf(socket, "ben"), 200);
      assertEquals(await statusOf(socket, "cleo"), 401);
      assertEquals((await get(socket ?? "", "/healthz"))?.status, 401);
    }
    topRows(await readAll(`\0${name}-stats`));
    topRows(await readAll(`${site.dir}/s.sock`));

    const { ino } = Deno.lstatSync(h ?? "");
    await rewriteSite(
      site,
      ...[`http-socket = @${name}`, "http-socket = h.sock", "http-socket = more.sock"],
      ...["stats = s.sock", "spooler-http-auth = ben:@(ben)", "spooler-http-auth = cleo:@(cleo)"],
    );
    await reload(program, 1);
    for (const socket of [abstract, h, more]) {
      assertEquals(await statusOf(socket, "ann"), 401);
      assertEquals(await statusOf(socket, "ben"), 200);
      assertEquals(await statusOf(socket, "cleo"), 200);
    }
    assertEquals(Deno.lstatSync(h ?? "").ino, ino, "it stayed open");
    // What was closed ends its connections first.
    await until(async () => await get(gone ?? "", "/healthz") === null, "the end of a socket");
    await until(
      () => readAll(`\0${name}-stats`).then(() => false, () => true),
      "the end of the abstract one",
    );
    topRows(await readAll(`${site.dir}/s.sock`));

    // One that cannot be opened leaves all as it was.
    await Deno.writeTextFile(`${site.dir}/file`, "");
    await rewriteSite(site, "http-socket = new.sock", "http-socket = file");
    program.signal("SIGHUP");
    await program.line(/cannot start, the old one stays|is not a socket/);
    assertEquals(await statusOf(h, "ben"), 200);
    assert(await get(`${site.dir}/new.sock`, "/healthz") === null);
    assertEquals(await program.stop(), 0);
  },
);
