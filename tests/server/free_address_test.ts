import { freePort } from "../support/port.ts";
import { systemClock } from "../../src/platform/clock.ts";
import { listenWhenFree } from "../../src/server/free_address.ts";
import type { ListenerConfig } from "../../src/server/settings.ts";
import { NotASocketError } from "../../src/server/stale_socket.ts";
import { assertEquals, assertRejects } from "../support/assert.ts";

function listenerOn(port: number): ListenerConfig {
  return {
    address: { kind: "tcp", host: "127.0.0.1", port },
    tls: null,
    place: { file: "site.ini", line: 2 },
  };
}

Deno.test("an address that no process has is tried again until it is free", async () => {
  let tries = 0;
  const listen = () => {
    tries++;
    return tries < 4 ? Promise.reject(new Deno.errors.AddrInUse("in use")) : Promise.resolve(tries);
  };
  assertEquals(await listenWhenFree(listenerOn(freePort()), systemClock, listen), 4);
});

Deno.test("an address that a process has, and a file in the way, are not waited for", async () => {
  using held = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  for (
    const [port, error] of [
      [held.addr.port, new Deno.errors.AddrInUse("in use")],
      [freePort(), new NotASocketError("no socket")],
      [freePort(), new Deno.errors.PermissionDenied("forbidden")],
    ] as const
  ) {
    let tries = 0;
    const listen = () => {
      tries++;
      return Promise.reject(error);
    };
    await assertRejects(() => listenWhenFree(listenerOn(port), systemClock, listen), Error);
    assertEquals(tries, 1);
  }
});
