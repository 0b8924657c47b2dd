/** What distinguishes a socket of one configuration from that of another on the same address. */

import { createHash } from "node:crypto";
import { ConfigError } from "../platform/problem.ts";
import { readPem } from "../wire/pem.ts";
import { bindProblem } from "./bind_problem.ts";
import type { ListenerConfig, ReceptionConfig, TlsFiles } from "./settings.ts";

/** All that a socket is opened with; certificates by what is in their files. */
export async function keyOf(
  { address, tls }: ListenerConfig,
  { backlog, socketMode, socketOwner }: ReceptionConfig,
): Promise<string> {
  const files = tls === null ? [] : filesOf(tls);
  const texts = await Promise.all(files.map((file) => Deno.readTextFile(file).catch(() => file)));
  const contents = createHash("sha256").update(JSON.stringify(texts)).digest("hex");
  const owner = socketOwner === null ? null : [socketOwner.user, socketOwner.group];
  return JSON.stringify([address, tls, contents, backlog, socketMode, owner]);
}

const filesOf = ({ cert, key, ca }: TlsFiles) => [cert, key, ...(ca === null ? [] : [ca])];

/** @throws {ConfigError} when a certificate or key cannot be read: then the socket that is open stays */
export async function mustRead(config: ListenerConfig): Promise<void> {
  for (const file of config.tls === null ? [] : filesOf(config.tls)) {
    await readPem(file).catch((error) => {
      throw new ConfigError([bindProblem(config, error)]);
    });
  }
}
