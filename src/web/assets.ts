/** The stylesheet, the script and the icon. They are read once, when somebody asks for them first. */

import { createHash } from "node:crypto";
import type { HttpAnswer } from "../monitor/http_answer.ts";

const TYPES: Readonly<Record<string, string>> = {
  "style.css": "text/css; charset=utf-8",
  "script.js": "text/javascript; charset=utf-8",
  "icon.svg": "image/svg+xml; charset=utf-8",
};

export class Assets {
  readonly #texts: ReadonlyMap<string, string>;
  /** Changes with them: so browsers may keep them. */
  readonly version: string;

  constructor(readText: (name: string) => string = readAsset) {
    this.#texts = new Map(Object.keys(TYPES).map((name) => [name, readText(name)]));
    const hash = createHash("sha256");
    for (const text of this.#texts.values()) hash.update(text);
    this.version = hash.digest("hex").slice(0, 12);
  }

  answer(name: string): HttpAnswer | null {
    const [body, type] = [this.#texts.get(name), TYPES[name]];
    if (body === undefined || type === undefined) return null;
    const headers = { "cache-control": "private, max-age=86400, immutable" };
    return { status: 200, type, body, headers };
  }
}

function readAsset(name: string): string {
  return Deno.readTextFileSync(new URL(`./assets/${name}`, import.meta.url));
}
