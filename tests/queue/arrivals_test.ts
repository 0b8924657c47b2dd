import { Arrivals } from "../../src/queue/arrivals.ts";
import { assert } from "../support/assert.ts";

const ID = "uwsgi_spoolfile_on_a_1_1_1_1_1";

Deno.test("what is announced and then reported is no news, once", () => {
  const arrivals = new Arrivals(() => false);
  arrivals.announce(ID);
  assert(arrivals.take(ID, true));
  assert(!arrivals.take(ID, true));
});

Deno.test("what is reported first waits for its announcement", () => {
  let isAwaited = true;
  const arrivals = new Arrivals(() => isAwaited);
  assert(arrivals.take(ID, true));
  isAwaited = false;
  arrivals.announce(ID);
  // Somebody has retried it: that is news.
  assert(!arrivals.take(ID, true));
});

Deno.test("another change of an announced task is news", () => {
  const arrivals = new Arrivals(() => false);
  arrivals.announce(ID);
  assert(!arrivals.take(ID, false));
});

Deno.test("after reports were lost every report is news", () => {
  const arrivals = new Arrivals(() => false);
  arrivals.announce(ID);
  arrivals.clear();
  assert(!arrivals.take(ID, true));
});
