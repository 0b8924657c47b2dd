/** inotify(7): its masks, its events, and one instance of it. */

import { apart } from "./apart.ts";
import { type Libc, SystemError } from "./libc.ts";
import { nameFromBytes } from "./name.ts";

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

export class Inotify {
  readonly #libc: Libc;
  readonly #fd: number;
  /** Its end is an event, and that ends the read that is waiting. */
  readonly #exit: number;
  readonly #reading: Promise<void>;
  #closed = false;

  /**
   * @param take called for every event, never before this has returned
   * @param bufferSize bytes of events that are read at once
   * @throws {SystemError} when the kernel gives this user no more instances, or no more watches
   */
  constructor(libc: Libc, take: (event: InotifyEvent) => void, bufferSize = 64 * 1024) {
    this.#libc = libc;
    this.#fd = libc.inotifyInit();
    if (this.#fd < 0) throw new SystemError("inotify_init1", "", -this.#fd);
    this.#exit = libc.inotifyAdd(this.#fd, "/", IN_DELETE_SELF);
    if (this.#exit < 0) {
      libc.close(this.#fd);
      throw new SystemError("inotify_add_watch", "/", -this.#exit);
    }
    this.#reading = this.#read(take, bufferSize);
  }

  /** The watch's number, or -errno. */
  add(path: string, mask: number): number {
    return this.#closed ? -1 : this.#libc.inotifyAdd(this.#fd, path, mask);
  }

  async #read(take: (event: InotifyEvent) => void, bufferSize: number): Promise<void> {
    const buffer = new Uint8Array(bufferSize);
    while (!this.#closed) {
      const length = await this.#libc.readLater(this.#fd, buffer);
      for (const event of parseEvents(buffer, length)) {
        if (!this.#closed) apart(() => take(event));
      }
    }
    this.#libc.close(this.#fd);
  }

  /** Resolves when nothing of it is left. */
  async close(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true;
      this.#libc.inotifyRemove(this.#fd, this.#exit);
    }
    await this.#reading;
  }
}

/** struct inotify_event: wd, mask, cookie, length of the name, name padded with NULs. */
function parseEvents(buffer: Uint8Array<ArrayBuffer>, length: number): InotifyEvent[] {
  const view = new DataView(buffer.buffer);
  const events: InotifyEvent[] = [];
  for (let at = 0; at < length;) {
    const nameLength = view.getUint32(at + 12, true);
    const start = at + 16;
    const padded = buffer.subarray(start, start + nameLength);
    const end = padded.indexOf(0);
    events.push({
      watch: view.getInt32(at, true),
      mask: view.getUint32(at + 4, true),
      name: nameFromBytes(end === -1 ? padded : padded.subarray(0, end)),
    });
    at = start + nameLength;
  }
  return events;
}
