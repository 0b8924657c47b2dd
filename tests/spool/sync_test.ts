import { DirectorySync } from "../../src/spool/sync.ts";
import { assertEquals } from "../support/assert.ts";

Deno.test("everybody who comes during a sync shares the next one", async () => {
  const started: PromiseWithResolvers<void>[] = [];
  const sync = new DirectorySync("/", () => {
    const one = Promise.withResolvers<void>();
    started.push(one);
    return one.promise;
  });
  const first = sync.commit();
  await Promise.resolve().then(() => {}).then(() => {});
  assertEquals(started.length, 1);
  const rest = [sync.commit(), sync.commit(), sync.commit()];
  started[0]?.resolve();
  await first;
  await Promise.resolve().then(() => {}).then(() => {});
  assertEquals(started.length, 2);
  started[1]?.resolve();
  await Promise.all(rest);
  assertEquals(started.length, 2);
});

Deno.test("a sync that fails fails for those who waited for it, not for those after", async () => {
  let calls = 0;
  const sync = new DirectorySync("/", () => {
    calls++;
    return calls === 1 ? Promise.reject(new Error("disk")) : Promise.resolve();
  });
  const [first] = await Promise.allSettled([sync.commit()]);
  assertEquals(first.status, "rejected");
  await sync.commit();
  assertEquals(calls, 2);
});
