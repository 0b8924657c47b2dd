/** Errors as people read them in a log. */

const STDERR_KEPT = 4096;

/** One line. */
export function reasonOf(error: unknown): string {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : `threw ${error}`;
  return text.split("\n", 1)[0] ?? "";
}

/** The whole stack, with what caused it. */
export function traceOf(error: unknown): string {
  if (!(error instanceof Error)) return `threw ${String(error)}`;
  const own = error.stack ?? String(error);
  return error.cause === undefined ? own : `${own}\nCaused by: ${traceOf(error.cause)}`;
}

/** The end of a trace, as much as is kept of it. */
export function traceEnd(trace: string): string {
  return trace.length <= STDERR_KEPT ? trace : trace.slice(-STDERR_KEPT);
}

/**
 * Makes stack traces name original places.
 *
 * @param original replaces places of generated code in a text
 */
export function installTraces(original: (text: string) => string): void {
  const prepare = (error: Error, sites: readonly unknown[]) => {
    const frames = sites.map((site) => `\n    at ${site}`).filter((line) => !isOwn(line));
    let head: string;
    try {
      head = String(error);
    } catch {
      head = "Error";
    }
    return head + original(frames.join(""));
  };
  Object.defineProperty(Error, "prepareStackTrace", {
    value: prepare,
    configurable: true,
    writable: true,
  });
}

const own = new URL("../../", import.meta.url).pathname;

/** The program's own functions below a task say nothing to who wrote the task. */
function isOwn(line: string): boolean {
  return line.includes("ext:core/") ||
    ["workers/javascript/", "src/", "main.ts"].some((path) => line.includes(`${own}${path}`));
}
