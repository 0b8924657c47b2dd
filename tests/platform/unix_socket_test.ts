import { join } from "@std/path";
import { SocketCalls } from "../../src/platform/socket_calls.ts";
import {
  acceptOwn,
  bindUnix,
  ensurePrivateDirectory,
  listenPrivately,
  listenUnix,
} from "../../src/platform/unix_socket.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { testPython, testWith } from "../support/require.ts";
import { opened } from "../support/socket_calls.ts";
import { tempDir } from "../support/temp.ts";

const modeOf = (path: string) => (Deno.lstatSync(path).mode ?? 0) & 0o777;

/** Runs `action` under a umask that takes nothing away. */
function withoutUmask<T>(action: () => T): T {
  const umask = Deno.umask(0);
  try {
    return action();
  } finally {
    Deno.umask(umask);
  }
}

Deno.test("nobody else can connect while a socket is bound and has not got its mode", async () => {
  await using temp = await tempDir();
  const path = join(temp.path, "socket");
  const modes: number[] = [];
  const { listen } = Deno;
  // Deno listens as soon as it has bound: this is the moment in which others could come in.
  Deno.listen = ((options: Deno.UnixListenOptions & { transport: "unix" }) => {
    const listener = listen(options);
    modes.push(modeOf(path));
    return listener;
  }) as typeof Deno.listen;
  try {
    using _listener = withoutUmask(() => listenUnix(path, { mode: 0o660, owner: null }));
    modes.push(modeOf(path));
  } finally {
    Deno.listen = listen;
  }
  assertEquals(modes, [0o600, 0o660]);
});

class WatchedCalls extends SocketCalls {
  bound = (): unknown => null;

  override bind(...args: Parameters<SocketCalls["bind"]>): number {
    const result = super.bind(...args);
    this.bound();
    return result;
  }
}

const callsOf = opened(WatchedCalls);

testWith(
  "libc",
  "a socket is bound as its owner's alone, and the umask is left to other threads",
  async () => {
    await using temp = await tempDir();
    const path = join(temp.path, "socket");
    const modes: number[] = [];
    const calls = callsOf();
    calls.bound = () => modes.push(modeOf(path));
    const { umask } = Deno;
    const before = umask(0);
    Deno.umask = () => {
      throw new Error("the umask is not asked for, and not set");
    };
    try {
      calls.close(bindUnix(calls, path, { mode: 0o660, owner: null }));
    } finally {
      Deno.umask = umask;
      umask(before);
    }
    assertEquals([...modes, modeOf(path)], [0o600, 0o660]);
  },
);

Deno.test("the umask is the same afterwards, also when the socket cannot be made", async () => {
  await using temp = await tempDir();
  const umask = Deno.umask();
  let error: unknown;
  try {
    listenPrivately(join(temp.path, "missing", "socket"));
  } catch (caught) {
    error = caught;
  }
  assert(error instanceof Error);
  assertEquals(Deno.umask(), umask);
});

testWith("root", "a private socket hangs up on another user's process", async () => {
  await using temp = await tempDir();
  Deno.chmodSync(temp.path, 0o755);
  const path = join(temp.path, "socket");
  using listener = listenPrivately(path);
  // As if the mode had not helped.
  Deno.chmodSync(path, 0o666);
  const accepted = acceptOwn(listener);
  const code = "import os, socket, sys; os.setuid(65534); s = socket.socket(socket.AF_UNIX); " +
    "s.connect(sys.argv[1]); print(len(s.recv(1)))";
  const stranger = new Deno.Command(testPython, { args: ["-c", code, path] });
  const { stdout, success } = await stranger.output();
  assertEquals([new TextDecoder().decode(stdout), success], ["0\n", true]);
  using _own = await Deno.connect({ transport: "unix", path });
  (await accepted).close();
});

Deno.test("a private directory is ours alone, whatever the umask, and no link to another", async () => {
  await using temp = await tempDir();
  const path = (name: string) => join(temp.path, name);
  const umask = Deno.umask(0o777);
  try {
    assert(ensurePrivateDirectory(path("own")));
  } finally {
    Deno.umask(umask);
  }
  assertEquals(modeOf(path("own")), 0o700);
  assert(ensurePrivateDirectory(path("own")));
  Deno.symlinkSync(path("own"), path("link"));
  assert(!ensurePrivateDirectory(path("link")));
  Deno.mkdirSync(path("open"));
  Deno.chmodSync(path("open"), 0o755);
  assert(!ensurePrivateDirectory(path("open")));
});

testWith("root", "a directory of somebody else is not taken for ours", async () => {
  await using temp = await tempDir();
  const path = join(temp.path, "theirs");
  Deno.mkdirSync(path, { mode: 0o700 });
  Deno.chownSync(path, 65534, 65534);
  assert(!ensurePrivateDirectory(path));
});
