/** Tries whether a start could listen on the sockets of a configuration; nothing is left behind. */

import { ConfigError, type Problem } from "../platform/problem.ts";
import { reasonOf } from "../platform/reason.ts";
import { type Address, isAbstract } from "../wire/address.ts";
import { readPem } from "../wire/pem.ts";
import { openTlsServer } from "./tls_listening.ts";
import { type BindProblem, bindProblem } from "./bind_problem.ts";
import type { ServerConfig, TlsFiles } from "./settings.ts";
import { inheritedAt } from "./inherited_socket.ts";
import { isStaleSocket } from "./stale_socket.ts";
import { findSocketOwner } from "./socket_owner.ts";

export async function probeSockets(
  { listeners, reception: { socketOwner } }: ServerConfig,
): Promise<(Problem & Partial<BindProblem>)[]> {
  const problems: (Problem & Partial<BindProblem>)[] = [];
  if (socketOwner !== null) {
    await findSocketOwner(socketOwner).catch((error) => {
      if (!(error instanceof ConfigError)) throw error;
      problems.push(...error.problems);
    });
  }
  for (const listener of listeners) {
    try {
      await tryAddress(listener.address);
    } catch (error) {
      const problem = bindProblem(listener, error);
      // A reload keeps its sockets, which it may have opened as another user.
      if (problem.holder?.pid !== Deno.pid) problems.push(problem);
    }
    const wrong = listener.tls === null ? null : await tlsProblem(listener.tls);
    if (wrong !== null) problems.push({ place: listener.place, message: wrong });
  }
  return problems;
}

/** @throws {Deno.errors.AddrInUse} and others, when it cannot be listened on */
async function tryAddress(address: Address): Promise<void> {
  if (inheritedAt(address) !== null) return;
  if (address.kind === "tcp") {
    Deno.listen({ hostname: address.host, port: address.port }).close();
  } else if (isAbstract(address.path)) {
    Deno.listen({ transport: "unix", path: address.path }).close();
  } else {
    await isStaleSocket(address.path);
  }
}

/** What is wrong with certificates and keys; null when they are right. */
async function tlsProblem({ cert, key, ca }: TlsFiles): Promise<string | null> {
  try {
    if (ca === null) {
      const pems = { cert: await readPem(cert), key: await readPem(key) };
      Deno.listenTls({ hostname: "127.0.0.1", port: 0, ...pems }).close();
      return null;
    }
    openTlsServer({ cert, key, ca }).close();
    return null;
  } catch (error) {
    return `suwsgi-socket: ${reasonOf(error)}: "${cert}", "${key}"`;
  }
}
