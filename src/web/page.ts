/** A page: what it knows, as a value, and how that looks. The value is also its JSON. */

import type { Ask } from "./ask.ts";
import type { Html } from "./html.ts";

export interface PageOptions<T> {
  /** The first segment of its path; "" is the overview. */
  readonly name: string;
  /** Segments behind it that it takes; 0 when it is not given. */
  readonly takes?: (count: number) => boolean;
  /** @throws {AskError} */
  load(ask: Ask): Promise<T>;
  /** What programs get; the value itself when it is not given. */
  json?(value: T): unknown;
  title(value: T): string;
  html(value: T, ask: Ask): Html;
  /** The script gets it again so often; null is never. */
  readonly refreshMs?: number;
}

export interface Shown {
  readonly title: string;
  readonly main: Html;
  readonly refreshMs: number | null;
}

export interface Page {
  readonly name: string;
  takes(count: number): boolean;
  show(ask: Ask): Promise<Shown>;
  json(ask: Ask): Promise<unknown>;
}

export function page<T>(options: PageOptions<T>): Page {
  const { name, takes = (count) => count === 0, json = (value) => value } = options;
  return {
    name,
    takes,
    async show(ask) {
      const value = await options.load(ask);
      const { refreshMs = null } = options;
      return { title: options.title(value), main: options.html(value, ask), refreshMs };
    },
    json: async (ask) => json(await options.load(ask)),
  };
}
