/** What is it told to do, and by which line? */

import type { ConfigLine } from "../config/config.ts";
import { findOption } from "../config/options.ts";
import { markup } from "./html.ts";
import { page } from "./page.ts";
import { empty, table } from "./table.ts";

interface ConfigurationView {
  readonly file: string;
  readonly lines: readonly ConfigLine[];
}

export const configurationPage = page<ConfigurationView>({
  name: "configuration",
  title: () => "Configuration",
  load({ parts }) {
    const { file, lines } = parts.config();
    return Promise.resolve({ file, lines });
  },
  json: ({ file, lines }) => ({
    file,
    lines: lines.map((line) => ({ ...line, help: helpOf(line) })),
  }),
  html: ({ file, lines }) =>
    markup`<h1>Configuration</h1>
<p>As it was read from <code>${file}</code>, expanded, in the order that counts. Secrets are hidden.</p>
${
      lines.length === 0 ? empty("Nothing is set.") : table("Settings", lines, [
        {
          head: "Setting",
          cell: (line) =>
            markup`<code>${line.key}</code>${
              helpOf(line) === null ? null : markup`<br><span class="small">${helpOf(line)}</span>`
            }`,
        },
        {
          head: "Value",
          cell: ({ value }) =>
            value === ""
              ? markup`<span class="none">set</span>`
              : markup`<code class="value">${value}</code>`,
        },
        {
          head: "Where",
          cell: ({ file, line }) => markup`<code>${line === 0 ? file : `${file}:${line}`}</code>`,
        },
      ])
    }`,
});

function helpOf({ key, isPlaceholder }: ConfigLine): string | null {
  if (isPlaceholder) return "a name for other lines to use";
  return findOption(key)?.help ?? null;
}
