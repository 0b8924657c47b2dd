import { AnnouncedTasks } from "../../src/queue/announced_tasks.ts";
import { assert } from "../support/assert.ts";

const ID = "uwsgi_spoolfile_on_a_1_1_1_1_1";

Deno.test("the announcement of a task covers the watcher's report of its rename, once", () => {
  const announced = new AnnouncedTasks(() => false);
  announced.announce(ID);
  assert(announced.covers(ID, true));
  assert(!announced.covers(ID, true));
});

Deno.test("a task that the watcher reports first waits for its announcement", () => {
  let isAwaited = true;
  const announced = new AnnouncedTasks(() => isAwaited);
  assert(announced.covers(ID, true));
  isAwaited = false;
  announced.announce(ID);
  // Somebody has retried it since.
  assert(!announced.covers(ID, true));
});

Deno.test("another change of an announced task is not covered", () => {
  const announced = new AnnouncedTasks(() => false);
  announced.announce(ID);
  assert(!announced.covers(ID, false));
});

Deno.test("after reports were lost no report is covered", () => {
  const announced = new AnnouncedTasks(() => false);
  announced.announce(ID);
  announced.clear();
  assert(!announced.covers(ID, true));
});
