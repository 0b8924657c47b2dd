/** The thread that takes tasks, where the machine has no room for it. */

import { SocketCalls } from "../../src/platform/socket_calls.ts";
import { IntakeClient } from "../../src/server/intake_client.ts";
import { assertEquals, assertThrows } from "../support/assert.ts";
import { testWith } from "../support/require.ts";
import { opened } from "../support/socket_calls.ts";

const EMFILE = 24;

class FullCalls extends SocketCalls {
  override createSignal(): number {
    return -EMFILE;
  }
}

const callsOf = opened(FullCalls);

testWith("libc", "without a descriptor no thread is started, and the error says why", () => {
  const RealWorker = Worker;
  let workers = 0;
  globalThis.Worker = class extends RealWorker {
    constructor(...args: ConstructorParameters<typeof Worker>) {
      workers++;
      super(...args);
    }
  };
  const nobody = () => {
    throw new Error("nothing is called");
  };
  const options = {
    ...{ calls: callsOf(), emit: nobody, accepted: nobody, journalClosed: nobody },
    ...{ gone: nobody, failed: nobody },
  };
  try {
    const { message } = assertThrows(() => new IntakeClient(options, 0.5), Error);
    assertEquals(message, "start the thread that takes tasks: Too many open files (errno 24)");
    assertEquals(workers, 0);
  } finally {
    globalThis.Worker = RealWorker;
  }
  return Promise.resolve();
});
