/** What all pages have around them. */

import type { Ask } from "./ask.ts";
import { href, type Html, markup } from "./html.ts";
import type { Shown } from "./page.ts";
import { resultText } from "./results.ts";

const NAV = [
  ["", "Overview"],
  ["tasks", "Tasks"],
  ["history", "History"],
  ["schedules", "Schedules"],
  ["workers", "Workers"],
  ["targets", "Targets"],
  ["configuration", "Configuration"],
] as const;

/** What came of what was asked for on the page before. */
function notice({ result }: Ask): Html | null {
  if (result === null) return null;
  const { problems, problemCount } = result;
  return markup`<div class="notice${problemCount > 0 ? " bad" : null}" role="status"><p>${
    resultText(result)
  }</p>${
    problems.length === 0
      ? null
      : markup`<ul>${problems.map((each) => markup`<li>${each}</li>`)}</ul>`
  }</div>`;
}

export interface PageFrame {
  /** Names the versions of the stylesheet and the script. */
  readonly assets: string;
  readonly host: string;
  /** The first segment of the path. */
  readonly place: string;
}

export function document({ title, main, refreshMs }: Shown, frame: PageFrame, ask: Ask): Html {
  const { assets, host, place } = frame;
  const { visitor } = ask.request;
  const asset = (name: string) => href(["assets", name], { v: assets });
  return markup`
    <!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>${title} – spooler on ${host}</title>
        <link rel="icon" href="${asset("icon.svg")}" type="image/svg+xml">
        <link rel="stylesheet" href="${asset("style.css")}">
        <script src="${asset("script.js")}" defer></script>
      </head>
      <body>
        <a class="skip" href="#main">Skip to the content</a>
        <header>
          <p
            class="brand"><a href="/"><span aria-hidden="true" class="mark"></span>spooler</a> <span class="host">${host}</span></p>
          <nav aria-label="Pages">${
    NAV.map(([name, label]) =>
      markup`
              <a href="${href([name])}" ${
        name === place ? markup` aria-current="page"` : null
      }>${label}</a>
            `
    )
  }</nav>
          <p class="who">${visitor.user ?? null}${
    ask.mayAct ? null : markup`<span class="badge" data-kind="viewer">read only</span>`
  }</p>
        </header>
        <main id="main" tabindex="-1" ${
    refreshMs === null ? null : markup` data-refresh="${refreshMs}"`
  }>
${notice(ask)}${main}
        </main>
        <footer>
          <p>Times are of this machine. <a href="/api/">JSON</a> · <a href="/metrics">metrics</a></p>
          <p class="live" hidden><button type="button" id="live" aria-pressed="true">Live</button></p>
        </footer>
      </body>
    </html>
  `;
}
