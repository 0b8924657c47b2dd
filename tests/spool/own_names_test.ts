import { OwnNames } from "../../src/spool/own_names.ts";
import { taskName, TaskNames } from "../../src/spool/layout.ts";
import { assert, assertEquals } from "../support/assert.ts";

const NOW = 1_795_431_827_487;

Deno.test("a name is awaited until its task is accepted, in whatever order that is", () => {
  const names = new TaskNames("web_1", 77, 500);
  const own = new OwnNames(77, 501);
  const [first, second, third] = [names.next(NOW), names.next(NOW), names.next(NOW)];
  assert([first, second, third].every((name) => own.isAwaited(name)));
  own.accept(second);
  assertEquals([first, second, third].map((name) => own.isAwaited(name)), [true, false, true]);
  own.accept(first);
  assertEquals([first, second, third].map((name) => own.isAwaited(name)), [false, false, true]);
});

Deno.test("names of other programs, and of other threads, are awaited by nobody", () => {
  const own = new OwnNames(77, 501);
  const parts = { host: "web", pid: 77, counter: 1, random: 501, now: NOW };
  assert(own.isAwaited(taskName(parts)));
  assert(!own.isAwaited(taskName({ ...parts, pid: 78 })));
  assert(!own.isAwaited(taskName({ ...parts, random: 502 })));
  assert(!own.isAwaited("uwsgi_spoolfile_on_x"));
});

Deno.test("what was never accepted is not awaited for ever", () => {
  const own = new OwnNames(77, 501);
  const nameOf = (counter: number) =>
    taskName({ host: "web", pid: 77, counter, random: 501, now: NOW });
  for (let counter = 2; counter < 10_010; counter++) own.accept(nameOf(counter));
  assert(!own.isAwaited(nameOf(1)));
  assert(own.isAwaited(nameOf(10_010)));
});

Deno.test("a name is as uWSGI makes it, and no two are the same", () => {
  const names = new TaskNames("web 1", 77, 500);
  const parts = { host: "web 1", pid: 77, random: 500, now: NOW };
  for (let counter = 1; counter < 5; counter++) {
    assertEquals(names.next(NOW), taskName({ ...parts, counter }));
  }
});
