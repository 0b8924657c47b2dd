/** `spooler --version`, and with `--json` the versions of everything inside. */

import manifest from "../../deno.json" with { type: "json" };
import { compiledCode } from "../platform/compiled_code.ts";
import { VERSION } from "../platform/version.ts";
import { UsageError } from "./error.ts";

/** Packages that the program needs when it runs; the others are for tests. */
const INSIDE: readonly string[] = [
  ...["deno-std", "amaro", "es-module-lexer", "get-east-asian-width", "js-sha256", "tweetnacl"],
  ...["jetstream", "nats-core", "nkeys", "nuid", "obj"].map((name) => `@nats-io/${name}`),
];

export function version(args: readonly string[]): Promise<number> {
  const unknown = args.find((arg) => arg !== "--json");
  if (unknown !== undefined) throw new UsageError(`--version takes --json only: "${unknown}"`);
  const all = () => JSON.stringify({ ...versions(), compiledCode: compiledCode() }, null, 2);
  console.log(args.length > 0 ? all() : `spooler ${VERSION}`);
  return Promise.resolve(0);
}

export function versions() {
  const { deno, v8, typescript } = Deno.version;
  return {
    spooler: VERSION,
    deno,
    v8,
    typescript,
    target: Deno.build.target,
    packages: packages(),
  };
}

/** By name, from the import map. */
export function packages(): Readonly<Record<string, string>> {
  const found = new Map<string, string>();
  for (const target of Object.values(manifest.imports)) {
    const [, name, number] = /^npm:(.+?)@([^/@]+)/.exec(target) ?? [];
    if (name !== undefined && number !== undefined && INSIDE.includes(name)) {
      found.set(name, number);
    }
  }
  return Object.fromEntries([...found].sort());
}
