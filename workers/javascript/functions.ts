/** Which function of the modules takes a task, and what its result means. Pure. */

export const SPOOL_OK = -2;
export const SPOOL_RETRY = -1;
export const SPOOL_IGNORE = 0;

export type TaskFunction = (
  vars: Record<string, string>,
  body: Uint8Array,
  context: unknown,
) => unknown;

/** The exports of modules, in the order in which the modules were loaded. */
export class Functions {
  readonly #named = new Map<string, TaskFunction[]>();
  readonly #catchAll: TaskFunction[] = [];
  readonly #origins = new Map<string, string>();

  /**
   * Every exported function is a task, classes and values are not; `default` takes the rest.
   *
   * @param origin the module's file
   */
  add(exports: Readonly<Record<string, unknown>>, origin: string): void {
    for (const [name, value] of Object.entries(exports)) {
      if (!isTaskFunction(value)) continue;
      const before = this.#origins.get(name);
      this.#origins.set(name, before === undefined ? origin : `${before}, ${origin}`);
      if (name === "default") this.#catchAll.push(value);
      else this.#named.set(name, [...this.named(name), value]);
    }
  }

  get names(): string[] {
    return [...this.#named.keys()];
  }

  /** The file of each function; of several, in the order in which they are asked. */
  get origins(): Record<string, string> {
    return Object.fromEntries(this.#origins);
  }

  get catchAll(): readonly TaskFunction[] {
    return this.#catchAll;
  }

  named(name: string): readonly TaskFunction[] {
    return this.#named.get(name) ?? [];
  }
}

function isTaskFunction(value: unknown): value is TaskFunction {
  return typeof value === "function" &&
    !/^class\b/.test(Function.prototype.toString.call(value));
}

export type Meaning =
  | { readonly kind: "done" }
  | { readonly kind: "ignored" }
  | { readonly kind: "retry"; readonly reason: string };

/**
 * What a function's result means, by uWSGI's numbers.
 *
 * @param override the task's `ud_spool_ret`, which counts in place of the result
 */
export function meaningOf(result: unknown, override?: string): Meaning {
  const value = override === undefined ? result : Number(override);
  if (value === undefined || value === null || value === SPOOL_OK) return { kind: "done" };
  if (value === SPOOL_IGNORE) return { kind: "ignored" };
  if (value === SPOOL_RETRY) return { kind: "retry", reason: "returned SPOOL_RETRY" };
  return {
    kind: "retry",
    reason: `returned ${shortText(override ?? value)}, which means SPOOL_RETRY`,
  };
}

function shortText(value: unknown): string {
  if (typeof value === "object") return "an object";
  return typeof value === "function" ? "a function" : String(value).slice(0, 50);
}
