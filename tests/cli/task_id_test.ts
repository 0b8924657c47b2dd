import { isShortFor, parseTaskWord } from "../../src/cli/task_id.ts";
import { assertEquals } from "../support/assert.ts";

const MADE = "uwsgi_spoolfile_on_web1_29218_1_1634773872_1795434775_554000";
const OWN = "uwsgi_spoolfile_on_job-10";

const isShort = (word: string, name: string) => isShortFor(parseTaskWord(word), name);

Deno.test("a task is named by the beginning of its name, or by its last digits", () => {
  for (const word of ["w", "web1_29218", "web1_29218_1_16", "uwsgi_spoolfile_on_web", "000"]) {
    assertEquals(isShort(word, MADE), true, word);
  }
  for (const word of ["554000", "1795434775_554000", MADE.slice(0, -1)]) {
    assertEquals(isShort(word, MADE), true, word);
  }
  for (const word of ["00", "29218", "eb1_29218", "web2", "_55400"]) {
    assertEquals(isShort(word, MADE), false, word);
  }
});

Deno.test("a name that somebody has thought of is not cut within a number", () => {
  assertEquals(isShort("job-1", OWN), false);
  assertEquals(isShort("job", OWN), true);
  assertEquals(isShort("job-", OWN), true);
  assertEquals(isShort("100", "uwsgi_spoolfile_on_job-5100"), false);
  assertEquals(isShort("5100", "uwsgi_spoolfile_on_job-5100"), true);
});
