/** How docs/typescript.md says that task code is bundled. */

const page = new URL("../../docs/typescript.md", import.meta.url);

export interface Bundling {
  /** For a shell, in the directory of the module `tasks.ts`. */
  readonly command: string;
  /** The package, with its version, that npx fetches for it. */
  readonly bundler: string;
  /** The line of the ini for what comes of it. */
  readonly ini: string;
}

/** @throws {Error} when the page has no such command */
export function readBundling(): Bundling {
  const text = Deno.readTextFileSync(page);
  const [, command, bundler] =
    /^```\n(npx -y (esbuild@[\d.]+) tasks\.ts [^`]+)\n```$/m.exec(text) ?? [];
  const [, ini] = /and write\s`(spooler-import = [^`]+)`/.exec(text) ?? [];
  if (!command || !bundler || !ini) throw new Error("docs/typescript.md has no bundling command");
  return { command, bundler, ini };
}
