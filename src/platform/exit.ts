/** The end of this process. */

import { openLibrary } from "./linux.ts";

/**
 * Ends the process without taking its threads apart first. `Deno.exit` goes through exit(3), which
 * destroys what is global to V8 while other threads may still use it. One stop in some thousands ended with
 * SIGSEGV in place of the exit code.
 */
export function exitProcess(code: number): never {
  const libc = openLibrary((library) =>
    Deno.dlopen(library, { _exit: { parameters: ["i32"], result: "void" } })
  );
  if ("opened" in libc) libc.opened.symbols._exit(code);
  Deno.exit(code);
}
