/** Forms that change something: each proves that it was got from here. @pure */

import type { Ask } from "./ask.ts";
import { type Html, markup, type Part } from "./html.ts";

export type Hidden = readonly (readonly [name: string, value: string])[];

export function hidden(values: Hidden): Html[] {
  return values.map(([name, value]) =>
    markup`<input type="hidden" name="${name}" value="${value}">`
  );
}

/** Where to go afterwards: the page that the form is on. */
export function placeOf({ request: { path, query } }: Ask): string {
  const rest = new URLSearchParams(query);
  rest.delete("result");
  const text = rest.toString();
  return text === "" ? path : `${path}?${text}`;
}

/** A button, and what it sends; nothing for who may not act. */
export function button(
  ask: Ask,
  { action, values, label, name, kind = "" }: {
    readonly action: string;
    readonly values: Hidden;
    readonly label: Part;
    /** Says what it is for, where the label alone does not. */
    readonly name?: string;
    readonly kind?: string;
  },
): Html | null {
  if (!ask.mayAct) return null;
  const all: Hidden = [["token", ask.token], ["back", placeOf(ask)], ...values];
  return markup`
    <form class="inline" method="post"
      action="${action}">${hidden(all)}<button class="small ${kind}"${
    name === undefined ? null : markup` aria-label="${name}"`
  }>${label}</button></form>
  `;
}
