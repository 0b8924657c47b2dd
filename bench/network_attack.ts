/**
 * A hostile peer for bench/network.ts, in its own process until it is killed:
 * `network_attack.ts PORT idle|drip|flood|garbage`. Says `ready` when it is at it, and at SIGTERM how
 * many connections it has made a second since then.
 */

const [portText, kind] = Deno.args;
const port = Number(portText);
/** Not the address of the other clients: they must not run out of ports because of the attack. */
const HOST = "127.0.0.2";
const CONNECTIONS = 2000;
const FLOODERS = 16;

let made = 0;

async function connect(): Promise<Deno.Conn> {
  const connection = await Deno.connect({ hostname: HOST, port });
  made++;
  return connection;
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Keeps a number of connections open, and opens each anew when it is hung up on. */
async function hold(writes: boolean): Promise<void> {
  let open = 0;
  for (let n = 0; n < CONNECTIONS; n++) keep(writes, () => open++);
  while (open < CONNECTIONS) await pause(10);
}

async function keep(writes: boolean, opened: () => void): Promise<never> {
  const buffer = new Uint8Array(16);
  while (true) {
    try {
      using connection = await connect();
      opened();
      const dripping = writes ? drip(connection) : null;
      while (await connection.read(buffer)) { /* until it hangs up */ }
      await dripping;
    } catch {
      await pause(10);
    }
  }
}

/** A header that promises 65,535 bytes, and then one a second. */
async function drip(connection: Deno.Conn): Promise<void> {
  await connection.write(Uint8Array.of(17, 255, 255, 0));
  while (true) {
    await pause(1000);
    await connection.write(Uint8Array.of(1));
  }
}

async function flood(bytes: Uint8Array): Promise<never> {
  while (true) {
    try {
      using connection = await connect();
      if (bytes.length > 0) await connection.write(bytes);
    } catch {
      await pause(1);
    }
  }
}

const garbage = crypto.getRandomValues(new Uint8Array(4096));
if (kind === "idle" || kind === "drip") await hold(kind === "drip");
else for (let n = 0; n < FLOODERS; n++) flood(kind === "garbage" ? garbage : new Uint8Array(0));
made = 0;
const startedAt = performance.now();
Deno.addSignalListener("SIGTERM", () => {
  console.log(made / (performance.now() - startedAt) * 1000);
  Deno.exit();
});
console.log("ready");
