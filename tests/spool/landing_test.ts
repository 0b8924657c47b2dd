import { Landing } from "../../src/spool/landing.ts";
import { join } from "@std/path";
import { assertEquals } from "../support/assert.ts";
import { openStore } from "../support/store.ts";
import { tempDir } from "../support/temp.ts";

const REF = { name: "uwsgi_spoolfile_on_test_1_1_1_1_0", priority: null };

Deno.test("a task is hidden while it lands; who would have seen it sees it then", () => {
  const landing = new Landing();
  const seen: string[] = [];
  const ignore = landing.listen(({ name }) => seen.push(name));
  assertEquals(landing.hides(REF.name), false);
  landing.begin(REF);
  assertEquals(landing.hides(REF.name), true);
  assertEquals(seen, []);
  landing.end(REF);
  assertEquals(seen, [REF.name]);
  assertEquals(landing.hides(REF.name), false);
  ignore();
  landing.begin(REF);
  landing.hides(REF.name);
  landing.end(REF);
  assertEquals(seen.length, 1);
});

Deno.test("what nobody has seen while it landed is not shown twice", () => {
  const landing = new Landing();
  const seen: string[] = [];
  landing.listen(({ name }) => seen.push(name));
  landing.begin(REF);
  landing.end(REF);
  assertEquals(seen, []);
});

Deno.test("a scan finds a task only when it is accepted", async () => {
  await using temp = await tempDir();
  const store = await openStore(join(temp.path, "spool"));
  const scanned = () => [...store.scan()].flat().map(({ name }) => name);
  let atAcceptance: string[] | null = null;
  const ref = await store.put({ vars: [] }, () => atAcceptance = scanned());
  assertEquals(atAcceptance, []);
  assertEquals(scanned(), [ref.name]);
  store.close();
});
