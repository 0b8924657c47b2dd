/** A TCP proxy that hangs up on both sides when so many bytes have passed in one direction. */

export interface Cut {
  /** Up is to the server, down is to the client. */
  readonly direction: "up" | "down";
  /** Bytes that still pass. */
  readonly after: number;
}

export class CuttingProxy implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #open = new Set<Deno.Conn>();
  readonly #serving: Promise<void>;
  #cut: Cut | null = null;
  /** Connections that were cut. */
  cuts = 0;
  /** Bytes of the last connection. */
  passed: Record<Cut["direction"], number> = { up: 0, down: 0 };

  constructor(private readonly upstreamPort: number) {
    this.#serving = this.#serve();
  }

  get address(): string {
    return `127.0.0.1:${(this.#listener.addr as Deno.NetAddr).port}`;
  }

  /** The next connection is cut; those that are open are closed. */
  cutNext(cut: Cut): void {
    this.hangUp();
    this.#cut = cut;
  }

  /** Closes every connection. */
  hangUp(): void {
    for (const socket of this.#open) close(socket);
    this.#open.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    this.hangUp();
    await this.#serving;
  }

  async #serve(): Promise<void> {
    const pipes: Promise<void>[] = [];
    for await (const client of this.#listener) {
      const cut = this.#cut;
      this.#cut = null;
      pipes.push(this.#connect(client, cut));
    }
    await Promise.all(pipes);
  }

  async #connect(client: Deno.Conn, cut: Cut | null): Promise<void> {
    this.#open.add(client);
    const server = await Deno.connect({ hostname: "127.0.0.1", port: this.upstreamPort });
    this.#open.add(server);
    const passed = this.passed = { up: 0, down: 0 };
    const count = (direction: Cut["direction"]) => (size: number) =>
      void (passed[direction] += size);
    const limit = (direction: Cut["direction"]) =>
      cut?.direction === direction ? cut.after : Infinity;
    const isCut = await Promise.race([
      pipe(client, server, limit("up"), count("up")),
      pipe(server, client, limit("down"), count("down")),
    ]);
    if (isCut) this.cuts++;
    for (const socket of [client, server]) {
      if (this.#open.delete(socket)) close(socket);
    }
  }
}

/** Resolves at the end of either side: true when that was the cut. */
async function pipe(
  from: Deno.Conn,
  to: Deno.Conn,
  limit: number,
  passed: (size: number) => void,
): Promise<boolean> {
  let left = limit;
  const buffer = new Uint8Array(16 * 1024);
  try {
    while (left > 0) {
      const count = await from.read(buffer);
      if (count === null) return false;
      const part = buffer.subarray(0, Math.min(count, left));
      for (let at = 0; at < part.length;) at += await to.write(part.subarray(at));
      left -= part.length;
      passed(part.length);
    }
    return true;
  } catch {
    return false;
  }
}

function close(socket: Deno.Conn): void {
  try {
    socket.close();
  } catch {
    // The other side was first.
  }
}
