/**
 * Has Deno accept on a socket that somebody else has opened. It can listen on addresses only: so the
 * socket takes the place of one that it has just opened, and is added to its event loop in its stead.
 */

import { openSockets } from "./open_files.ts";
import { EPOLL_CTL_ADD, EPOLL_DATA_AT, O_CLOEXEC, openLibrary } from "./linux.ts";
import { fixedBytes } from "./memory.ts";
import { quietly, textOf } from "./quietly.ts";

const SYMBOLS = {
  dup3: { parameters: ["i32", "i32", "i32"], result: "i32" },
  epoll_ctl: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
} as const;

/** What an event loop knows of a descriptor. */
interface LoopEntry {
  readonly epoll: number;
  readonly events: number;
  readonly data: bigint;
}

/**
 * @param open opens any socket of the same kind
 * @param fd stays open: it can be adopted again
 * @throws {Error} when this runtime does not let itself be helped so
 */
export function adoptListener<T extends Deno.Listener>(open: () => T, fd: number): T {
  const library = openLibrary((name) => Deno.dlopen(name, SYMBOLS).symbols);
  if ("unavailable" in library) throw new Error(`needs libc: ${library.unavailable}`);
  const { dup3, epoll_ctl } = library.opened;
  const before = openSockets();
  const listener = open();
  const own = [...openSockets()].find(([socket]) => !before.has(socket))?.[1];
  const entries = own === undefined ? [] : entriesOf(own);
  if (own === undefined || entries.length === 0 || dup3(fd, own, O_CLOEXEC) < 0) {
    listener.close();
    throw new Error("this runtime cannot accept on a socket that it has not opened");
  }
  const event = fixedBytes(128);
  const view = new DataView(event.buffer);
  const added = entries.map(({ epoll, events, data }) => {
    view.setUint32(0, events, true);
    view.setBigUint64(EPOLL_DATA_AT, data, true);
    return epoll_ctl(epoll, EPOLL_CTL_ADD, own, event) === 0;
  });
  // One loop can have several descriptors.
  if (!added.includes(true)) {
    listener.close();
    throw new Error("this runtime's event loop does not take a socket");
  }
  return listener;
}

/** proc(5): fdinfo of an epoll descriptor has a line for each that it waits for. */
function entriesOf(fd: number): LoopEntry[] {
  const names = quietly(() => [...Deno.readDirSync("/proc/self/fd")]) ?? [];
  return names.flatMap(({ name }) => {
    const kind = quietly(() => Deno.readLinkSync(`/proc/self/fd/${name}`));
    if (kind !== "anon_inode:[eventpoll]") return [];
    const info = textOf(`/proc/self/fdinfo/${name}`) ?? "";
    return [...info.matchAll(/^tfd:\s*(\d+)\s+events:\s*([\da-f]+)\s+data:\s*([\da-f]+)/gm)]
      .filter(([, target]) => Number(target) === fd)
      .map(([, , events = "", data = ""]) => ({
        epoll: Number(name),
        events: parseInt(events, 16),
        data: BigInt(`0x${data}`),
      }));
  });
}
