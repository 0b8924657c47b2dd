import { systemClock } from "../../src/platform/clock.ts";
import { assertEquals } from "../support/assert.ts";

Deno.test("a timer that is cancelled in the turn in which it is due does not run", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using sender = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  using receiver = await listener.accept();
  let late = 0;
  for (let i = 0; i < 100; i++) {
    let isCancelled = false;
    const cancel = systemClock.after(1, () => {
      if (isCancelled) late++;
    });
    const received = receiver.read(new Uint8Array(1)).then(() => {
      isCancelled = true;
      cancel();
    });
    const sent = sender.write(new Uint8Array(1));
    // Both may be ready when the loop goes on.
    for (const end = performance.now() + 2; performance.now() < end;);
    await Promise.all([received, sent]);
  }
  await new Promise<void>((resume) => systemClock.after(5, resume));
  assertEquals(late, 0);
});
