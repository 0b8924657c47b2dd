/** Do the other servers take our tasks, and where do tasks come in? */

import type { ProgramSnapshot } from "../report/snapshot.ts";
import { markup } from "./html.ts";
import { page } from "./page.ts";
import { empty, table } from "./table.ts";
import { badge, countText, momentHtml } from "./text.ts";

export const targetsPage = page<ProgramSnapshot>({
  name: "targets",
  refreshMs: 4000,
  title: () => "Targets",
  load: async ({ parts }) => await parts.snapshot(),
  json: ({ targets, sockets, connections }) => ({ targets, sockets, connections }),
  html: ({ targets, sockets, connections, at }) =>
    markup`<h1>Targets</h1>
${
      targets.length === 0
        ? empty("No targets: no task is forwarded to another server (spooler-forward).")
        : table("Servers that tasks are forwarded to", targets, [
          { head: "Target", cell: ({ target }) => target },
          { head: "Spool", cell: ({ spool }) => spool },
          { head: "State", cell: ({ up }) => up ? badge("up", "done") : badge("down", "failed") },
          { head: "Since", cell: ({ downSinceAt }) => momentHtml(downSinceAt, at) },
          { head: "Failures", isNumber: true, cell: ({ failures }) => countText(failures) },
          { head: "Under way", isNumber: true, cell: ({ underWay }) => countText(underWay) },
          {
            head: "Last error",
            cell: ({ reason }) => reason && markup`<span class="error">${reason}</span>`,
          },
        ])
    }
<h2>Sockets</h2>
${
      sockets.length === 0
        ? empty("No sockets: tasks come in through the directories alone.")
        : markup`${
          table("Sockets on which tasks come in", sockets, [
            { head: "Address", cell: ({ address }) => markup`<code>${address}</code>` },
            { head: "TLS", cell: ({ tls }) => tls ? "yes" : "no" },
          ])
        }<p class="small">${countText(connections)} open connections</p>`
    }`,
});
