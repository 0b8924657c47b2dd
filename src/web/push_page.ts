/** A new task. */

import { type Ask, mustAct } from "./ask.ts";
import { hidden } from "./forms.ts";
import { type Html, markup } from "./html.ts";
import { page, type Shown } from "./page.ts";

export const pushPage = page<null>({
  name: "push",
  title: () => "New task",
  load(ask) {
    mustAct(ask);
    return Promise.resolve(null);
  },
  html: (_, ask) => pushForm(ask, ask.query, null),
});

/** The form again, with what was wrong with it. */
export function pushAgain(ask: Ask, fields: URLSearchParams, problem: string): Shown {
  return { title: "New task", main: pushForm(ask, fields, problem), refreshMs: null };
}

function pushForm({ parts, token }: Ask, fields: URLSearchParams, problem: string | null): Html {
  const spools = parts.spools();
  const value = (name: string) => fields.get(name) ?? "";
  return markup`<h1>New task</h1>
${problem === null ? null : markup`<p class="notice bad" role="alert">${problem}</p>`}
<form method="post" action="/push" class="form">
${hidden([["token", token], ["back", "/tasks"]])}
<label>Spool <select name="spool">${
    spools.map(({ name }) =>
      markup`
        <option value="${name}" ${
        value("spool") === name ? markup` selected` : null
      }>${name}</option>
      `
    )
  }</select></label>
<label>Function <input name="function" value="${
    value("function")
  }" maxlength="500" autocomplete="off" spellcheck="false"></label>
<label>Keys, one a line: NAME=VALUE <textarea name="keys" rows="5" spellcheck="false">
${value("keys")}</textarea></label>
<label>Body <textarea name="body" rows="6" spellcheck="false">
${value("body")}</textarea></label>
<label>Not before (local time, may be empty) <input name="at" value="${
    value("at")
  }" placeholder="2026-12-24T18:00" autocomplete="off"></label>
<label>Priority (a number, lower runs first, may be empty) <input name="priority" value="${
    value("priority")
  }" inputmode="numeric" autocomplete="off"></label>
<p class="bar"><button class="first">Add the task</button></p>
</form>`;
}
