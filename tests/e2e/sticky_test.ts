/**
 * A program that is nobody's, and a spool directory with the sticky bit in which others put tasks: what
 * cannot be removed is not run again and again.
 */

import { join } from "@std/path";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { programLabel, spooler } from "../support/program.ts";
import { testWith } from "../support/require.ts";
import { makeSite, type Site } from "../support/site.ts";
import { writeTask } from "../support/task_files.ts";
import { until } from "../support/until.ts";

const NAME = "uwsgi_spoolfile_on_others_1_1_1_1_0";
const OWN = "uwsgi_spoolfile_on_own_1_1_1_1_0";
const NOBODY = 65534;
const STICKY = 0o1777;
const OPEN = 0o777;

/** Its spool is root's and open to all; the program becomes nobody. */
async function openSite(...ini: string[]): Promise<Site & { told: string }> {
  const site = await makeSite("uid = nobody", "spooler-frequency = 0.1", "chdir = /", ...ini);
  await Deno.chmod(site.dir, OPEN);
  await Deno.mkdir(site.spool);
  await Deno.chmod(site.spool, OPEN);
  return { ...site, told: join(site.dir, "told") };
}

/** A task of root's, which everybody may lock and read. */
async function writeOthers(site: Site): Promise<void> {
  const path = await writeTask(site.spool, NAME, { ud_spool_func: "f" });
  await Deno.chmod(path, 0o666);
}

/** Notes that it runs, and ends when {@link runAmid} lets it. */
const NOTED = "echo run >> $TOLD; until test -e $TOLD.go; do sleep 0.02; done";

/** Root's task runs; the change comes meanwhile, and then it ends. */
async function runAmid(
  site: Site & { told: string },
  change: () => Promise<unknown>,
): Promise<void> {
  await writeOthers(site);
  await until(async () => await runs(site) === 1, "it does not run");
  await change();
  await Deno.writeTextFile(`${site.told}.go`, "");
}

/** A task of nobody's own is done behind `count` scans or more. */
async function someScansLater(site: Site & { told: string }): Promise<void> {
  for (let i = 0; i < 5; i++) {
    const path = await writeTask(join(site.dir, "made"), OWN, { ud_spool_func: "own" });
    await Deno.chown(path, NOBODY, NOBODY);
    await Deno.rename(path, join(site.spool, OWN));
    await until(
      () => Deno.lstat(join(site.spool, OWN)).then(() => false, () => true),
      "nobody's own task does not end",
    );
  }
}

testWith(
  "root",
  `${programLabel}: what was done and could not be removed does not run after a restart that can`,
  async () => {
    await using site = await openSite(
      "spooler-task = name=own true",
      `spooler-task = name=f ${NOTED}`,
      "env = TOLD=%dtold",
    );
    await using first = await site.start();
    await runAmid(site, () => Deno.chmod(site.spool, STICKY));
    await first.line(/others.*done, but cannot be removed/);
    assertEquals(await first.stop(), 0);
    await Deno.chmod(site.spool, OPEN);
    await using second = await site.start();
    await second.line(/others.*was done before, and is removed now/);
    await someScansLater(site);
    assertEquals(await runs(site), 1, second.log);
    // Another one of that name is another task.
    await writeOthers(site);
    await until(async () => await runs(site) === 2, "the other does not run");
    assertEquals(await second.stop(), 0);
  },
);

testWith(
  "root",
  `${programLabel}: where nothing can be written, what was done does not run after a restart`,
  async () => {
    await using site = await openSite(
      `spooler-task = name=f ${NOTED}`,
      "env = TOLD=%dtold",
    );
    await using first = await site.start();
    await runAmid(site, async () => {
      const { success } = await new Deno.Command("sh", {
        args: ["-c", 'chown -R root "$0"; chmod -R go-w "$0"; chmod 666 "$0"/uwsgi*', site.spool],
      }).output();
      assert(success);
    });
    await first.line(/others.*done, but cannot be removed/);
    await first.line(/others.*cannot note that for the next start/);
    assertEquals(await first.stop(), 0, first.log);
    const { code, stderr } = await spooler(["--ini", site.ini]);
    assertEquals(code, 2);
    assertStringIncludes(stderr, `user nobody may not write to ${site.spool}`);
    assertEquals(await runs(site), 1);
  },
);

const runs = async (site: { told: string }) =>
  (await Deno.readTextFile(site.told).catch(() => "")).split("\n").filter((line) => line).length;

testWith("root", `${programLabel}: in a sticky directory another's task does not run`, async () => {
  await using site = await openSite("spooler-task = name=own true", "spooler-task = name=f true");
  await Deno.chmod(site.spool, STICKY);
  await writeOthers(site);
  for (let start = 0; start < 2; start++) {
    await using program = await site.start();
    await program.line(/belongs to user 0, and .* has the sticky bit/);
    await someScansLater(site);
    assert(!/ f others/.test(program.log), program.log);
    assertEquals(await program.stop(), 0);
  }
});

// A failing one has its retries, if they come before the sticky bit is noticed, and no more.
for (const [how, code, most] of [["done", 0, 1], ["failed", 1, 3]] as const) {
  testWith(
    "root",
    `${programLabel}: a task that is ${how} when the directory has become sticky does not run again and again`,
    async () => {
      await using site = await openSite(
        "spooler-task = name=own true",
        "spooler-max-retries = 2",
        "spooler-retry-delay = 0",
        `spooler-task = name=f ${NOTED}; exit ${code}`,
        "env = TOLD=%dtold",
      );
      await using first = await site.start();
      await runAmid(site, () => Deno.chmod(site.spool, STICKY));
      await first.line(
        code === 0 ? /others.*done, but cannot be removed/ : /others.*cannot be (settled|removed)/,
      );
      await someScansLater(site);
      const before = await runs(site);
      assert(before <= most, `${before} runs`);
      assertEquals(await first.stop(), 0);
      await using second = await site.start();
      await someScansLater(site);
      assertEquals(await runs(site), before, second.log);
      assertEquals(await second.stop(), 0);
    },
  );
}
