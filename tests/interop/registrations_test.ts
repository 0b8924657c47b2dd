/**
 * What task code registers and where its tasks go, under the real uWSGI and under the program: with
 * two spools, with functions of one name, and beside a registration that cannot be.
 */

import { join } from "@std/path";
import { encodePacket, textVar } from "../../src/wire/packet.ts";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { ledgerLines } from "../support/ledger.ts";
import { Program, programLabel, spooler } from "../support/program.ts";
import { testWith } from "../support/require.ts";
import { tempDir } from "../support/temp.ts";
import { until } from "../support/until.ts";

const FIXTURES = new URL("../fixtures/python/", import.meta.url);

type Kind = "uwsgi" | "spooler";

interface Running {
  readonly dir: string;
  readonly ledger: string;
  readonly ini: string;
  readonly program: Program;
}

/** Runs a module for two spools, a and b, until `body` is content. */
async function withModule(
  kind: Kind,
  module: string,
  lines: readonly string[],
  body: (running: Running) => Promise<void>,
): Promise<void> {
  await using temp = await tempDir();
  const dir = await Deno.realPath(temp.path);
  const [ledger, ini] = [join(dir, "ledger"), join(dir, "site.ini")];
  await Deno.copyFile(new URL(module, FIXTURES), join(dir, module));
  for (const name of ["a", "b"]) await Deno.mkdir(join(dir, name));
  const settings = [
    ...["[uwsgi]", "plugin = python3", "master = true", "die-on-term = true", "no-orphans = true"],
    ...["socket = own.sock", "spooler = a", "spooler = b", "spooler-frequency = 1"],
    ...[`import = ${module}`, ...lines],
  ];
  await Deno.writeTextFile(ini, `${settings.join("\n")}\n`);
  const options = { cwd: dir, env: { LEDGER: ledger, SITE: dir } };
  await using program = kind === "uwsgi"
    ? Program.launch("uwsgi", ["--ini", ini], options)
    : await Program.start(["--ini", ini], options);
  try {
    await body({ dir, ledger, ini, program });
  } catch (error) {
    throw new Error(`${error}\n${program.log}`);
  }
}

const EACH_SECOND = [
  "mails",
  "reports",
  "cleanup",
  "lambda-a",
  "lambda-b",
  "wrapped-a",
  "wrapped-b",
];

for (const kind of ["uwsgi", "spooler"] as const) {
  testWith("uwsgi", `${kind}: every registration runs, once for all spools`, async () => {
    await withModule(kind, "registrations.py", [], async ({ ledger, dir, program }) => {
      const counted = () => {
        const counts = new Map<string, number>();
        for (const line of ledgerLines(ledger)) counts.set(line, (counts.get(line) ?? 0) + 1);
        return counts;
      };
      const expected = [...EACH_SECOND, "cron-a", "cron-b", "zero"].toSorted();
      await until(() => {
        const counts = counted();
        return EACH_SECOND.every((name) => (counts.get(name) ?? 0) >= 3) &&
          counts.has("cron-a") && counts.has("cron-b");
      }, "not everything ran three times");
      const counts = counted();
      assertEquals([...counts.keys()].toSorted(), expected);
      assertEquals(counts.get("zero"), 3);
      // Two of each second would be six; a minute may begin meanwhile.
      for (const name of EACH_SECOND) assert((counts.get(name) ?? 0) <= 5, `${name} is doubled`);
      for (const name of ["cron-a", "cron-b"]) assert((counts.get(name) ?? 0) <= 2, name);
      if (kind === "uwsgi") return;
      const place = `${join(dir, "registrations.py")}:\\d+`;
      assertMatch(program.log, new RegExp(`${place}: midnight hour needs .*"24"; it never runs`));
      assertEquals(program.log.match(/midnight/g)?.length, 1);
      for (
        const name of ["Job.handler", "Job.handler-2", "Job.handler-3", "logged.wrapper-2"]
      ) {
        assert(program.log.includes(`job registrations/${name} `), `${name} has no line`);
      }
    });
  });

  testWith("uwsgi", `${kind}: a task that names no spool goes into the first`, async () => {
    await withModule(kind, "default_spool.py", [], async ({ dir, ledger }) => {
      for (const from of ["a", "b"]) {
        const vars = [textVar("ud_spool_func", "outer"), textVar("from", from)];
        const name = "uwsgi_spoolfile_on_test_1_1_1_1_1";
        await Deno.writeFile(join(dir, from, name), encodePacket(vars, 17));
      }
      const lines = () => [...new Set(ledgerLines(ledger))].toSorted();
      await until(() => lines().length >= 2, "the tasks have not run");
      assertEquals(lines(), ["a a b/3 True a,b", "b a b/3 True a,b"]);
    });
  });
}

Deno.test(`${programLabel}: spooler-signals says where registered functions run`, async () => {
  const lines = ["spooler-signals = b"];
  await withModule("spooler", "where.py", lines, async ({ dir, ledger, ini }) => {
    await until(() => ledgerLines(ledger).length > 2, "the timer has not run three times");
    assertEquals(new Set(ledgerLines(ledger)), new Set([join(dir, "b")]));
    const { code, stdout } = await spooler(["check", ini]);
    assertEquals(code, 0);
    assertMatch(stdout, /\/b\n(?: {6}.*\n)* {6}runs the timers, crons and signals of task code\n/);
    assertMatch(stdout, /\/a\n(?: {6}.*\n)* {6}gets tasks that name no spool\n/);
  });
});
