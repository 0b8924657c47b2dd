/** `spooler man [PAGE]`: the manual pages, which `deno task docs` makes. */

import { UsageError } from "./error.ts";
import { MAN_PAGES } from "./manual.ts";

export async function man(args: readonly string[]): Promise<number> {
  const [word = "spooler", more] = args;
  const page = Object.entries(MAN_PAGES).find(([name, file]) => word === name || word === file);
  if (page === undefined || more !== undefined) {
    throw new UsageError(
      `man needs one of ${Object.keys(MAN_PAGES).join(", ")}: "${args.join(" ")}"`,
    );
  }
  const text = await Deno.readTextFile(new URL(`../../docs/man/${page[1]}`, import.meta.url));
  if (!Deno.stdout.isTerminal()) {
    console.log(text.trimEnd());
    return 0;
  }
  // man(1) reads a file of a name with a slash, and "-" from standard input.
  const viewer = startViewer();
  const writer = viewer.stdin.getWriter();
  await writer.write(new TextEncoder().encode(text)).catch(() => {});
  await writer.close().catch(() => {});
  return (await viewer.status).code;
}

function startViewer(): Deno.ChildProcess {
  try {
    return new Deno.Command("man", { args: ["-l", "-"], stdin: "piped" }).spawn();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Error("man(1) is not installed; spooler help lists the commands and explains each");
  }
}
