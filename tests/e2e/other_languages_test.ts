/** The examples of docs/clients.md, run as they stand but for the directory and the port. */

import { join } from "@std/path";
import { assert, assertEquals } from "../support/assert.ts";
import { monitorAddress } from "../support/monitor.ts";
import { makeSite, makeSiteWith, portIn } from "../support/site.ts";
import { type Need, testWith } from "../support/require.ts";

const page = await Deno.readTextFile(new URL("../../docs/clients.md", import.meta.url));

/** The program in a language below a heading of the page. */
function exampleIn(language: string, heading = "Any other language"): string {
  const part = page.slice(page.indexOf(`\n## ${heading}\n`));
  const [, text] = new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\`$`, "m").exec(part) ?? [];
  assert(text !== undefined, `docs/clients.md has no ${language} below ${heading}`);
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

const OVER_HTTP: readonly (readonly [Need, string, string[], string, (text: string) => string])[] =
  [
    ["curl", "sh", ["sh"], "ann", (text) => text],
    ["php", "php", ["php"], "bob", (text) => text],
    [
      "go",
      "go",
      ["go", "run"],
      "cid",
      (text) =>
        `package main\nimport ("fmt"; "log"; "net/http"; "os"; "strings")\nfunc main() {\n${text}}\n`,
    ],
  ];

for (const [need, language, command, who, wrapped] of OVER_HTTP) {
  testWith(need, `docs/clients.md: the ${language} adds a task over HTTP`, async () => {
    await using site = await makeSiteWith(
      { token: "correct-horse-battery-staple" },
      "http-socket = 127.0.0.1:0",
      "spooler-http-token = shop:@(token)",
      "spooler-task = echo to $SPOOL_TO",
    );
    await using program = await site.start();
    const address = await monitorAddress(program, "http");
    const file = join(site.dir, `put.${language}`);
    const text = exampleIn(language, "Over HTTP").replaceAll("127.0.0.1:9300", address)
      .replaceAll("2026-12-24T18:00", "2020-12-24T18:00");
    await Deno.writeTextFile(file, wrapped(text));
    const [binary = "", ...args] = command;
    const env = { SPOOLER_TOKEN: "correct-horse-battery-staple", GOFLAGS: "-p=2" };
    const ran = await new Deno.Command(binary, { args: [...args, file], env }).output();
    const said = new TextDecoder().decode(ran.stderr);
    assertEquals([ran.code, said], [0, ""], new TextDecoder().decode(ran.stdout));
    await program.line(new RegExp(`send_mail\\| to ${who}@example\\.org$`));
  });
}
