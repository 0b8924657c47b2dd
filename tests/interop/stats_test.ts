/** Our statistics beside those of a live uWSGI, field by field and type by type. */

import { assert, assertEquals } from "../support/assert.ts";
import { monitorAddress, readAll } from "../support/monitor.ts";
import { testWith } from "../support/require.ts";
import { makeSite } from "../support/site.ts";
import { tempDir } from "../support/temp.ts";
import { until } from "../support/until.ts";

/** Each path with the type of what is there; of a list the first element. */
function shape(value: unknown, path = ""): [string, string][] {
  if (Array.isArray(value)) {
    return [[path, "list"], ...(value.length > 0 ? shape(value[0], `${path}[]`) : [])];
  }
  if (typeof value !== "object" || value === null) return [[path, typeof value]];
  return Object.entries(value).flatMap(([key, each]) => shape(each, `${path}.${key}`));
}

testWith("uwsgi", "every field of uWSGI's statistics is there with its type", async () => {
  await using temp = await tempDir();
  const { path } = temp;
  await Deno.mkdir(`${path}/theirs`);
  const uwsgi = new Deno.Command("uwsgi", {
    args: [
      ...["--master", "--processes", "1", "--socket", `${path}/u.sock`, "--stats", `${path}/stats`],
      ...["--spooler", `${path}/theirs`, "--unique-cron", "59 -1 -1 -1 -1 true"],
    ],
    ...{ stdin: "null", stdout: "null", stderr: "null" } as const,
  }).spawn();
  let theirs: unknown;
  try {
    const isThere = () => Deno.lstat(`${path}/stats`).then(() => true, () => false);
    await until(isThere, "uWSGI's statistics");
    theirs = JSON.parse(await readAll(`${path}/stats`));
  } finally {
    uwsgi.kill("SIGKILL");
    await uwsgi.status;
  }
  await using site = await makeSite(
    ...["spooler-import = tasks.ts", "stats = 127.0.0.1:0", "socket = 127.0.0.1:0"],
    "unique-cron = 59 -1 -1 -1 -1 true",
  );
  await Deno.writeTextFile(`${site.dir}/tasks.ts`, "export function work() {}\n");
  await using program = await site.start(/loaded \(JavaScript/);
  const ours = new Map(shape(JSON.parse(await readAll(await monitorAddress(program, "stats")))));
  const expected = shape(theirs).filter(([field]) => !field.startsWith(".locks[]"));
  assert(expected.length > 60, `${expected.length} fields`);
  assertEquals(expected.map(([field]) => [field, ours.get(field)]), expected);
});
