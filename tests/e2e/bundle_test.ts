/** Task code that needs packages of npm, bundled as docs/typescript.md says. */

import { dirname, join } from "@std/path";
import { readBundling } from "../support/bundling.ts";
import { assertEquals } from "../support/assert.ts";
import { programLabel, spooler } from "../support/program.ts";
import { testWith } from "../support/require.ts";
import { makeSite, rewriteSite } from "../support/site.ts";

const PACKAGES: Readonly<Record<string, string>> = {
  "node_modules/of-modules/package.json": '{ "type": "module", "exports": "./index.js" }',
  "node_modules/of-modules/index.js": `
import { basename } from "path";
export const lastOf = (path) => basename(path);
`,
  "node_modules/of-common-js/package.json": '{ "main": "index.js" }',
  "node_modules/of-common-js/index.js": `
const { format } = require("util");
let other = null;
try {
  other = require("not-installed");
} catch (error) {
  other = error.code;
}
module.exports = { shout: (text) => format("%s! %s", text.toUpperCase(), other) };
`,
};

const TASKS = `
import { lastOf } from "of-modules";
import { shout } from "of-common-js";
export function hello(vars: { name: string }) {
  console.log(shout(lastOf(vars.name)));
}
`;

testWith(
  "esbuild",
  `${programLabel}: a module with packages of npm is refused, and runs when it is bundled`,
  async () => {
    const { command, ini } = readBundling();
    await using site = await makeSite("spooler-import = tasks.ts");
    for (const [file, text] of Object.entries({ ...PACKAGES, "tasks.ts": TASKS })) {
      await Deno.mkdir(dirname(join(site.dir, file)), { recursive: true });
      await Deno.writeTextFile(join(site.dir, file), text);
    }
    await using program = await site.start();
    await program.line(/tasks\.ts: cannot import "of-modules": .*bundle it.* docs\/typescript\.md/);

    const bundled = await new Deno.Command("sh", { args: ["-c", command], cwd: site.dir }).output();
    assertEquals(bundled.code, 0, new TextDecoder().decode(bundled.stderr));
    await rewriteSite(site, ini);
    program.signal("SIGHUP");
    await program.line(/tasks\.mjs loaded \(.*: hello$/);
    await spooler(["push", "--dir", site.spool, "ud_spool_func=hello", "name=/home/ann"]);
    await program.line(/ hello\| ANN! MODULE_NOT_FOUND$/);
    await program.line(/hello \S+ done/);
    assertEquals(await program.stop(), 0);
  },
);
