/** Asks before something is done that cannot be undone, or to many at once. */

import { KILL_FATES } from "../task/outcome.ts";
import { countAll, PAST, type TaskVerb, taskVerbOf } from "./act_tasks.ts";
import { type Ask, AskError, mustAct } from "./ask.ts";
import { backOf } from "./fields.ts";
import { type Hidden, hidden } from "./forms.ts";
import { href, type Html, markup } from "./html.ts";
import { listings } from "./one_by_one.ts";
import { page, type Shown } from "./page.ts";
import { FILTERS } from "./task_wish.ts";
import { countText } from "./text.ts";

interface Question {
  readonly verb: TaskVerb;
  readonly count: number;
  /** What is sent with a yes. */
  readonly values: Hidden;
  readonly back: string;
}

/** `/tasks/all?do=retry&state=failed&…`: for all that a filter matches. */
export const confirmPage = page<Question>({
  name: "tasks",
  takes: (count) => count === 1,
  title: ({ verb }) => `All tasks to be ${PAST[verb]}`,
  async load(ask) {
    const { segments, query, parts } = ask;
    if (segments[0] !== "all") throw new AskError(404, "there is no such page");
    mustAct(ask);
    const verb = taskVerbOf(query);
    const before = parts.clock.now();
    const asked = new URLSearchParams(query);
    asked.set("before", String(before));
    const count = await listings.run(() => countAll(ask, verb, asked));
    const filters = FILTERS.flatMap((name): Hidden => {
      const value = query.get(name);
      return value ? [[name, value]] : [];
    });
    const back = href(["tasks"], Object.fromEntries(filters));
    const more: Hidden = [["all", "yes"], ["count", String(count)], ["before", String(before)]];
    return { verb, count, values: [...filters, ...more], back };
  },
  json: ({ verb, count, values }) => ({ do: verb, count, ...Object.fromEntries(values) }),
  html: questionHtml,
});

/** For tasks that were chosen one by one. */
export function confirmChosen(ask: Ask, fields: URLSearchParams): Shown {
  const verb = taskVerbOf(fields);
  const tasks = fields.getAll("task");
  const values: Hidden = tasks.map((name) => ["task", name]);
  const question = { verb, count: tasks.length, values, back: backOf(fields, "/tasks") };
  return { title: "Sure?", main: questionHtml(question, ask), refreshMs: null };
}

const IMPERATIVE: Readonly<Record<TaskVerb, string>> = {
  retry: "Retry",
  remove: "Remove",
  kill: "End",
};

const WHAT_HAPPENS: Readonly<Record<TaskVerb, string>> = {
  retry: "They become ready now, and run in their turn.",
  remove: "Their files are deleted: this cannot be undone.",
  kill: "Their processes get a signal to end, and are killed when they do not.",
};

const FATES: Readonly<Record<typeof KILL_FATES[number], string>> = {
  fail: "give them up: they are kept as failed",
  retry: "run them again",
  remove: "remove them",
};

function questionHtml({ verb, count, values, back }: Question, { token }: Ask): Html {
  if (count === 0) {
    return markup`
      <h1>${IMPERATIVE[verb]} tasks</h1>
      <p>No task matches any more.</p>
      <p><a href="${back}">Back</a></p>
    `;
  }
  const tasks = `${countText(count)} ${count === 1 ? "task" : "tasks"}`;
  return markup`<h1>${IMPERATIVE[verb]} ${tasks}?</h1>
<p>${WHAT_HAPPENS[verb]}</p>
<form method="post" action="/tasks" class="form">
${hidden([["token", token], ["back", back], ["do", verb], ["sure", "yes"], ...values])}
${
    verb !== "kill"
      ? null
      : markup`<fieldset><legend>And then</legend>${
        KILL_FATES.map((fate) =>
          markup`<label><input type="radio" name="fate" value="${fate}"${
            fate === "fail" ? markup` checked` : null
          }>${FATES[fate]}</label>`
        )
      }</fieldset>`
  }
<p class="bar"><button class="${verb === "retry" ? "first" : "danger"}">${
    IMPERATIVE[verb]
  } ${tasks}</button> <a class="button" href="${back}">Cancel</a></p>
</form>`;
}
