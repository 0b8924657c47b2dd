/**
 * A connection for each question, made by the system's own calls, which wait on this thread: its event loop
 * and the runtime's threads have no part in how long an answer takes.
 */

import { fixedBytes } from "../../../src/platform/memory.ts";
import {
  AF_INET,
  MSG_NOSIGNAL,
  openLibrary,
  SOCK_CLOEXEC,
  SOL_SOCKET,
} from "../../../src/platform/linux.ts";

const SYMBOLS = {
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  send: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
  recv: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  sched_setscheduler: { parameters: ["i32", "i32", "buffer"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

const SOCK_STREAM = 1;
const SO_RCVTIMEO = 20;
const SO_SNDTIMEO = 21;
const MSG_WAITALL = 0x100;
/** struct sockaddr_in: two bytes of family, two of port, four of address, eight of nothing. */
const ADDRESS_SIZE = 16;
const LOOPBACK = [127, 0, 0, 1];
const TIMEVAL_SIZE = 16;
const SCHED_RR = 2;

export class BlockingCalls {
  readonly #symbols;
  readonly #address = fixedBytes(ADDRESS_SIZE);
  readonly #patience = fixedBytes(TIMEVAL_SIZE);

  /**
   * @param port of the loopback interface
   * @param patienceMs so long may one call wait
   */
  constructor(port: number, patienceMs: number) {
    const library = openLibrary((name) => Deno.dlopen(name, SYMBOLS).symbols);
    if (!("opened" in library)) throw new Error(library.unavailable);
    this.#symbols = library.opened;
    const address = new DataView(this.#address.buffer);
    address.setUint16(0, AF_INET, true);
    address.setUint16(2, port);
    this.#address.set(LOOPBACK, 4);
    new DataView(this.#patience.buffer).setUint32(0, patienceMs / 1000, true);
  }

  /**
   * Has this thread run before all that has no real-time priority.
   *
   * @returns false where only root may
   */
  goBeforeOthers(): boolean {
    const priority = fixedBytes(4);
    new DataView(priority.buffer).setUint32(0, 1, true);
    return this.#symbols.sched_setscheduler(0, SCHED_RR, priority) === 0;
  }

  /** @returns as many bytes as an answer has; null when it did not come */
  ask(question: Uint8Array<ArrayBuffer>, answerSize: number): Uint8Array<ArrayBuffer> | null {
    const { socket, connect, send, recv, close } = this.#symbols;
    const fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return null;
    try {
      this.#limit(fd);
      if (connect(fd, this.#address, ADDRESS_SIZE) !== 0) return null;
      if (send(fd, question, question.length, MSG_NOSIGNAL) !== question.length) return null;
      const answer = fixedBytes(answerSize);
      return recv(fd, answer, answerSize, MSG_WAITALL) === answerSize ? answer : null;
    } finally {
      close(fd);
    }
  }

  #limit(fd: number): void {
    for (const which of [SO_RCVTIMEO, SO_SNDTIMEO]) {
      this.#symbols.setsockopt(fd, SOL_SOCKET, which, this.#patience, TIMEVAL_SIZE);
    }
  }
}
