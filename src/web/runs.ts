/** The runs of a task or a job, as the history has them, and what they printed. */

import type { Found } from "../history/reader.ts";
import { outputOf, presentOutput } from "../history/reader.ts";
import type { OutputLine } from "../history/run_output.ts";
import { effortText, resultText } from "../history/run_text.ts";
import { timeText } from "../platform/local_time.ts";
import type { HistoryFiles } from "../spool/history_files.ts";
import { type Html, markup } from "./html.ts";
import type { SiteParts } from "./parts.ts";
import { badge, clockHtml } from "./text.ts";

/** Of one run; of more the end is shown. */
const LINES_SHOWN = 500;
/** Runs whose output is on the page: of others the history says that there was some. */
const OUTPUTS_SHOWN = 10;

/** The newest first, without secrets; their output is masked here. */
export function runsSection(
  files: HistoryFiles,
  runs: readonly Found[],
  now: number,
  { mask }: Pick<SiteParts, "mask">,
): Html {
  return markup`<section aria-labelledby="runs"><h2 id="runs">Runs</h2><ol class="runs">${
    runs.map((found, at) => {
      const { entry } = found;
      const lines = at < OUTPUTS_SHOWN ? outputOf(files, found) ?? [] : [];
      return markup`<li>${badge(`attempt ${entry.attempt}`, kindOf(found))} ${
        clockHtml(entry.startedAt, now)
      } <span>${resultText(entry)}</span> <span class="small">${effortText(entry)}</span>${
        lines.length === 0
          ? null
          : markup`<pre class="output" tabindex="0">${linesHtml(lines, mask)}</pre>`
      }</li>`;
    })
  }</ol></section>`;
}

export function kindOf({ entry }: Found): string {
  if ("job" in entry) return entry.ok ? "done" : "failed";
  return entry.fate === "removed" ? "failed" : entry.fate;
}

/** What a running task has printed; the script goes on with what it prints. */
export function liveOutput(
  files: HistoryFiles,
  name: string,
  stream: string,
  mask: SiteParts["mask"],
): Html {
  const lines = presentOutput(files, name)?.lines ?? [];
  return markup`<section aria-labelledby="live-output"><h2 id="live-output">Output</h2>
<pre id="live-lines" class="output" tabindex="0" role="log" data-stream="${stream}" data-last="${
    lines.at(-1)?.number ?? 0
  }">${linesHtml(lines, mask)}</pre></section>`;
}

function linesHtml(lines: readonly OutputLine[], mask: SiteParts["mask"]): Html[] {
  const shown = lines.slice(-LINES_SHOWN);
  let before = (shown[0]?.number ?? 1) - 1;
  const left = before === 0 ? [] : [markup`<span class="at">… ${before} lines before\n</span>`];
  return [
    ...left,
    ...shown.map(({ number, at, stream, text }) => {
      const missing = number - before - 1;
      before = number;
      return markup`${
        missing === 0 ? null : markup`<span class="at">… ${missing} lines left out\n</span>`
      }<span class="at">${timeText(at).slice(11)} </span>${
        stream === "stderr" ? markup`<span class="stderr">${mask(text)}</span>` : mask(text)
      }\n`;
    }),
  ];
}
