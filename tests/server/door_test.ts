import { Door } from "../../src/server/door.ts";
import { isOfOneConnection } from "../../src/server/trouble.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";
import { until } from "../support/until.ts";

/** A socket of which the n-th accept gives what the script says, and the ones behind it wait. */
function socketOf(script: (n: number) => Promise<number>, most: number) {
  const closed = Promise.withResolvers<never>();
  let tries = 0;
  return {
    accept: () => ++tries > most ? closed.promise : script(tries),
    close: () => closed.reject(new Error("closed")),
    get tries() {
      return tries;
    },
  };
}

function failure(code: string): Error {
  return Object.assign(new Error(code), { code });
}

Deno.test("a system without a free descriptor is reported once, waited for, and reported again", async () => {
  const clock = new FakeClock();
  const troubles: (string | null)[] = [];
  const socket = socketOf(
    (n) => n < 4 ? Promise.reject(new Error("Too many open files")) : Promise.resolve(n),
    4,
  );
  const door = new Door({
    clock,
    accept: () => socket.accept(),
    admit: () => {},
    troubled: (reason) => troubles.push(reason),
  });
  await until(() => {
    clock.advance(100);
    return socket.tries === 5;
  }, "it accepts again");
  assertEquals(troubles, ["Too many open files", null]);
  const ended = door.close();
  socket.close();
  await ended;
});

Deno.test("a connection that broke while it waited costs nobody any time", async () => {
  // Nothing moves this clock: a pause would last for ever.
  const clock = new FakeClock();
  const admitted: number[] = [];
  const troubles: unknown[] = [];
  const socket = socketOf(
    (n) => n < 20 ? Promise.reject(failure("ENOTCONN")) : Promise.resolve(n),
    20,
  );
  const door = new Door({
    clock,
    accept: () => socket.accept(),
    admit: (connection) => admitted.push(connection),
    troubled: (reason) => troubles.push(reason),
  });
  await until(() => admitted.length > 0, "the next one is admitted");
  assertEquals([admitted, troubles], [[20], []]);
  const ended = door.close();
  socket.close();
  await ended;
});

Deno.test("a backlog that is never empty does not keep others from their turn", async () => {
  const clock = new FakeClock();
  const crowd = 1000;
  let admitted = 0;
  const socket = socketOf((n) => Promise.resolve(n), crowd);
  const door = new Door({
    clock,
    accept: () => socket.accept(),
    admit: () => admitted++,
    troubled: () => {},
  });
  await new Promise((resume) => setTimeout(resume, 0));
  assert(admitted < crowd / 10, `${admitted} were let in before anybody else had a turn`);
  await until(() => {
    clock.advance(1);
    return admitted === crowd;
  }, "all are let in");
  const ended = door.close();
  socket.close();
  await ended;
});

Deno.test("errors of accept belong to one connection, or to the system", () => {
  for (const code of ["ENOTCONN", "ECONNABORTED", "ECONNRESET", "EPROTO", "EPERM"]) {
    assert(isOfOneConnection(failure(code)), code);
  }
  for (const code of ["EMFILE", "ENFILE", "ENOMEM", "ENOBUFS", "EBADF", "EINVAL"]) {
    assert(!isOfOneConnection(failure(code)), code);
  }
  assert(isOfOneConnection(new Deno.errors.NotConnected("gone")));
  assert(!isOfOneConnection(new Error("anything else")));
});
