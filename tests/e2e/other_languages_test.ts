/** The examples of docs/clients.md, run as they stand but for the directory and the port. */

import { join } from "@std/path";
import { assert, assertEquals } from "../support/assert.ts";
import { makeSite, portIn } from "../support/site.ts";
import { type Need, testWith } from "../support/require.ts";

const page = await Deno.readTextFile(new URL("../../docs/clients.md", import.meta.url));

/** The page's program in a language. */
function exampleIn(language: string): string {
  const [, text] = new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\`$`, "m").exec(page) ?? [];
  assert(text !== undefined, `docs/clients.md has no ${language}`);
  return text;
}

const LANGUAGES: readonly (readonly [Need, string, string[], Record<string, string>?])[] = [
  ["php", "php", ["php"]],
  ["ruby", "ruby", ["ruby"]],
  ["perl", "perl", ["perl", "-w"]],
  ["go", "go", ["go", "run"], { GOFLAGS: "-p=2" }],
];

for (const [need, language, command, env = {}] of LANGUAGES) {
  testWith(need, `docs/clients.md: the ${language} puts a task and sends one`, async () => {
    await using site = await makeSite("socket = 127.0.0.1:0", "spooler-task = echo to $SPOOL_TO");
    await using program = await site.start();
    const port = portIn(await program.line(/ socket \S+:\d+$/));
    const file = join(site.dir, `put.${language}`);
    const text = exampleIn(language).replaceAll("/var/spool/site", site.spool)
      .replaceAll("3031", String(port));
    await Deno.writeTextFile(file, text);
    const [binary = "", ...args] = command;
    const ran = await new Deno.Command(binary, { args: [...args, file], env }).output();
    const output = new TextDecoder().decode(ran.stderr) + new TextDecoder().decode(ran.stdout);
    assertEquals([ran.code, output], [0, ""]);
    await program.line(/send_mail\| to ann@example\.org$/);
    await program.line(/send_mail\| to bob@example\.org$/);
    await program.line(/ done /, 2);
    assertEquals(await program.stop(), 0);
  });
}
