/** The Python client among greenlets: none of them stops the others while it puts. */

import { ours, Peer, type Received } from "../support/peer.ts";
import { assertEquals } from "../support/assert.ts";
import { PythonClient } from "../support/python_client.ts";
import { DEBIAN_PYTHON, testWith } from "../support/require.ts";

testWith("gevent", "greenlets put to a server and a directory at the same time", async () => {
  const accepted: Received[] = [];
  /** Answers the first of two tasks when the second has come, so that one waits while the other is put. */
  let release = () => {};
  const second = new Promise<void>((resolve) => release = resolve);
  await using peer = new Peer(async (talk) => {
    if (talk.number === 2) release();
    else await second;
    await ours(accepted)(talk);
  });
  await using client = await PythonClient.make();
  const lines = await client.run(
    `
from gevent import monkey; monkey.patch_all()
import gevent, spooler_client
from uwsgidecorators import spool
@spool
def job(env): pass
server = spooler_client.Client("${peer.address}")
put = [gevent.spawn(server.put, "f", {"n": n}) for n in range(2)]
gevent.joinall(put, raise_error=True, timeout=20)
many = [gevent.spawn(lambda: [job.spool(a="b") for _ in range(20)]) for _ in range(10)]
gevent.joinall(many, raise_error=True, timeout=20)
print(len({name for each in many for name in each.value}), len({each.value for each in put}))
`,
    { python: DEBIAN_PYTHON },
  );
  assertEquals(lines, ["200 2"]);
  assertEquals(accepted.length, 2);
});
