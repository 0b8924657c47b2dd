/** inotify(7): its masks, its events, and one instance of it. */

import { apart } from "./apart.ts";
import { type Cancel, systemClock } from "./clock.ts";
import { type Libc, SystemError } from "./libc.ts";
import { nameFromBytes } from "./name.ts";
import { joinSharedPoll, type SharedPoll } from "./shared_poll.ts";
import { EPOLLIN } from "./socket_calls.ts";

export const IN_ATTRIB = 0x4;
export const IN_CLOSE_WRITE = 0x8;
export const IN_MOVED_FROM = 0x40;
export const IN_MOVED_TO = 0x80;
export const IN_CREATE = 0x100;
export const IN_DELETE = 0x200;
export const IN_DELETE_SELF = 0x400;
export const IN_MOVE_SELF = 0x800;
export const IN_Q_OVERFLOW = 0x4000;
export const IN_IGNORED = 0x8000;
export const IN_ONLYDIR = 0x1000000;
export const IN_DONT_FOLLOW = 0x2000000;
/** Nothing about files that are already unlinked. */
export const IN_EXCL_UNLINK = 0x4000000;
export const IN_ISDIR = 0x40000000;

export interface InotifyEvent {
  readonly watch: number;
  readonly mask: number;
  /** Empty for an event about the watched file or directory itself. */
  readonly name: string;
}

/**
 * While events come one after the other, they are read so often: to wake for each costs more than all that is
 * done about it.
 */
const GATHER_MS = 5;

export class Inotify {
  readonly #libc: Libc;
  readonly #fd: number;
  readonly #wait: SharedPoll;
  /** When it was read last; monotonic. */
  #readAt = -Infinity;
  #cancelPause: Cancel = () => {};
  #closed: Promise<void> | null = null;

  /**
   * @param take called for every event, never before this has returned
   * @param bufferSize bytes of events that are read at once
   * @throws {SystemError} when the kernel gives this user no more instances, or no more descriptors
   */
  constructor(libc: Libc, take: (event: InotifyEvent) => void, bufferSize = 64 * 1024) {
    this.#libc = libc;
    this.#fd = libc.inotifyInit();
    if (this.#fd < 0) throw new SystemError("inotify_init1", "", -this.#fd);
    const buffer = new Uint8Array(bufferSize);
    let wait: SharedPoll | null = null;
    try {
      this.#wait = wait = joinSharedPoll();
      wait.loop.watch(this.#fd, EPOLLIN, { ready: () => this.#read(take, buffer) });
    } catch (error) {
      wait?.leave();
      libc.close(this.#fd);
      throw error;
    }
  }

  /** The watch's number, or -errno. */
  add(path: string, mask: number): number {
    return this.#closed ? -1 : this.#libc.inotifyAdd(this.#fd, path, mask);
  }

  #read(take: (event: InotifyEvent) => void, buffer: Uint8Array<ArrayBuffer>): void {
    const length = this.#libc.readNow(this.#fd, buffer);
    for (const event of parseEvents(buffer, length)) {
      if (!this.#closed) apart(() => take(event));
    }
    const before = this.#readAt;
    this.#readAt = systemClock.monotonic();
    if (this.#readAt - before < GATHER_MS && !this.#closed) this.#pause();
  }

  #pause(): void {
    const { loop } = this.#wait;
    loop.change(this.#fd, 0);
    this.#cancelPause = systemClock.after(GATHER_MS, () => loop.change(this.#fd, EPOLLIN));
  }

  /** Resolves when nothing of it is left. */
  close(): Promise<void> {
    return this.#closed ??= this.#close();
  }

  async #close(): Promise<void> {
    this.#cancelPause();
    this.#wait.loop.close(this.#fd);
    await this.#wait.leave();
  }
}

/** struct inotify_event: wd, mask, cookie, length of the name, name padded with NULs. */
const NAME_AT = 16;
/** Names of so many bytes are decoded at once. Each is a part of that text, and keeps all of it in memory. */
const DECODED_BYTES = 512;

function parseEvents(buffer: Uint8Array<ArrayBuffer>, length: number): InotifyEvent[] {
  const view = new DataView(buffer.buffer);
  const events: InotifyEvent[] = [];
  for (let at = 0; at < length;) {
    // A call for each name would cost more than all else here: they are moved together.
    const from = at;
    const found: { readonly watch: number; readonly mask: number; readonly end: number }[] = [];
    let end = from;
    while (at < length && end < from + DECODED_BYTES) {
      const [watch, mask] = [view.getInt32(at, true), view.getUint32(at + 4, true)];
      const name = at + NAME_AT;
      at = name + view.getUint32(at + 12, true);
      const nul = buffer.indexOf(0, name);
      const nameEnd = nul < 0 || nul > at ? at : nul;
      buffer.copyWithin(end, name, nameEnd);
      end += nameEnd - name;
      found.push({ watch, mask, end });
    }
    const names = nameFromBytes(buffer.subarray(from, end));
    const isPlain = names.length === end - from;
    let start = from;
    for (const { watch, mask, end } of found) {
      const name = isPlain
        ? names.slice(start - from, end - from)
        : nameFromBytes(buffer.subarray(start, end));
      events.push({ watch, mask, name });
      start = end;
    }
  }
  return events;
}
