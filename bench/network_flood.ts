/**
 * Connections at a steady rate, for bench/network_attack.ts. The processor time of an attacker is
 * taken from the program that is measured when both share the machine, so the system's calls are made
 * here directly: that costs a quarter of what a connection of Deno's does.
 */

const libc = Deno.dlopen("libc.so.6", {
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  getpeername: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  send: { parameters: ["i32", "buffer", "usize", "i32"], result: "isize" },
  close: { parameters: ["i32"], result: "i32" },
});

const AF_INET = 2;
const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0o4000;
const MSG_NOSIGNAL = 0x4000;
/** struct sockaddr_in: two bytes of family, two of port, four of address, eight of nothing. */
const ADDRESS_SIZE = 16;
const FAMILY_AT = 0;
const PORT_AT = 2;
const HOST_AT = 4;

/** A connection that was closed keeps its two ports for a while: one address would run out of them. */
const HOSTS = 64;
/** Not the address of the other clients, who must not run out of ports because of the attack. */
const FIRST_HOST = 2;

export class Flood {
  /** Connections that the other side's system took. */
  made = 0;
  /** Connections that it had no room for. */
  missed = 0;
  readonly #addresses: readonly Uint8Array<ArrayBuffer>[];
  readonly #peer = new Uint8Array(ADDRESS_SIZE);
  readonly #peerSize = new Uint8Array(4);

  /** @param bytes what is sent on each connection before it is closed */
  constructor(port: number, private readonly bytes: Uint8Array<ArrayBuffer>) {
    this.#addresses = Array.from({ length: HOSTS }, (_, n) => loopback(FIRST_HOST + n, port));
  }

  /** Makes so many a second, for ever. */
  async strike(perSecond: number): Promise<never> {
    const startedAt = performance.now();
    let count = 0;
    while (true) {
      const due = Math.floor((performance.now() - startedAt) / 1000 * perSecond);
      while (count < due) this.#strikeOnce(count++);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  /** On the loopback device a connection is made at once, or not at all. */
  #strikeOnce(n: number): void {
    const { socket, connect, getpeername, send, close } = libc.symbols;
    const fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    connect(fd, this.#addresses[n % HOSTS] ?? null, ADDRESS_SIZE);
    this.#peerSize[0] = ADDRESS_SIZE;
    if (getpeername(fd, this.#peer, this.#peerSize) === 0) this.made++;
    else this.missed++;
    if (this.bytes.length > 0) send(fd, this.bytes, BigInt(this.bytes.length), MSG_NOSIGNAL);
    close(fd);
  }
}

function loopback(last: number, port: number): Uint8Array<ArrayBuffer> {
  const address = new Uint8Array(ADDRESS_SIZE);
  const view = new DataView(address.buffer);
  view.setUint16(FAMILY_AT, AF_INET, true);
  view.setUint16(PORT_AT, port);
  address.set([127, 0, 0, last], HOST_AT);
  return address;
}
