/** examples/django-gunicorn: what its README says, with Debian's Django and gunicorn. */

import { join } from "@std/path";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { Program, programLabel, spooler } from "../support/program.ts";
import { DEBIAN_PYTHON, testWith } from "../support/require.ts";
import { tempDir } from "../support/temp.ts";
import { until } from "../support/until.ts";

const EXAMPLE = new URL("../../examples/django-gunicorn/", import.meta.url).pathname;

async function copyTree(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (isDirectory) await copyTree(join(from, name), join(to, name));
    else await Deno.copyFile(join(from, name), join(to, name));
  }
}

testWith(
  "django",
  `${programLabel}: a Django site under gunicorn spools, a worker runs it`,
  async () => {
    await using temp = await tempDir();
    const dir = join(temp.path, "site");
    await copyTree(EXAMPLE, dir);
    const ini = join(dir, "site.ini");
    await Deno.writeTextFile(ini, `python = ${DEBIAN_PYTHON}\n`, { append: true });
    assertEquals((await spooler(["python-client", join(dir, "lib")])).code, 0);
    await using program = await Program.start(["--ini", ini]);
    await using gunicorn = Program.launch(
      DEBIAN_PYTHON,
      ["-m", "gunicorn", "--workers", "2", "--bind", "127.0.0.1:0", "shop.wsgi"],
      {
        cwd: dir,
        env: {
          PYTHONPATH: "lib",
          SPOOLER_SPOOL: join(dir, "spool"),
          DJANGO_SETTINGS_MODULE: "shop.settings",
        },
      },
    );
    const [, site = ""] = /Listening at: (\S+) /.exec(await gunicorn.line(/Listening at/)) ?? [];
    const order = async (mail: string): Promise<string> => {
      const body = new URLSearchParams({ mail, number: "7" });
      const answer = await fetch(`${site}/orders/`, { method: "POST", body });
      assertEquals(answer.status, 202, gunicorn.log);
      return (await answer.json()).task;
    };
    const state = async (name: string) => await (await fetch(`${site}/tasks/${name}/`)).json();

    const task = await order("ann@example.org");
    assertMatch(task, /^uwsgi_spoolfile_on_/);
    await program.line(/ confirm \S+ done/);
    assertEquals(await state(task), { state: "gone", reason: "" });
    const [mail] = [...Deno.readDirSync(join(dir, "out"))];
    assert(mail !== undefined);
    assertMatch(await Deno.readTextFile(join(dir, "out", mail.name)), /Subject: Order 7/);

    const bad = await order("nobody");
    await program.line(/ confirm \S+ deferred/);
    // Its worker lets go of the file a moment later.
    const isDeferred = async () => (await state(bad)).state === "deferred";
    await until(isDeferred, "the task is not deferred");
    assertEquals((await state(bad)).reason, "ValueError: no address: 'nobody'");
    assertEquals(await gunicorn.stop(), 0);
    assertEquals(await program.stop(), 0);
  },
);
