/** A nats-server in operator mode, and credentials of its users, as nsc makes them. */

import { createAccount, createOperator, createUser } from "@nats-io/nkeys";

type KeyPair = ReturnType<typeof createUser>;

export class NatsOperator {
  readonly #operator = createOperator();
  readonly #account = createAccount();
  readonly #system = createAccount();

  /** For the configuration of a server. */
  settings(): string {
    const accountJwt = (account: KeyPair) =>
      sign(this.#operator, account, {
        type: "account",
        limits: {
          ...{ subs: -1, data: -1, payload: -1, imports: -1, exports: -1, wildcards: true },
          ...{ conn: -1, leaf: -1 },
          // The system account may have no stream.
          ...(account === this.#system
            ? {}
            : { mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 }),
        },
      });
    const keys = [this.#account, this.#system];
    const preload = keys.map((key) => `${key.getPublicKey()}: ${accountJwt(key)}`);
    return `operator: ${sign(this.#operator, this.#operator, { type: "operator" })}
      system_account: ${this.#system.getPublicKey()}
      resolver: MEMORY
      resolver_preload: { ${preload.join("\n")} }`;
  }

  /** A credentials file, and the seed in it. */
  credentials(permissions: object = {}): { readonly text: string; readonly seed: string } {
    const user = createUser();
    const limits = { subs: -1, data: -1, payload: -1 };
    const jwt = sign(this.#account, user, { type: "user", ...limits, ...permissions });
    const seed = new TextDecoder().decode(user.getSeed());
    const text = `-----BEGIN NATS USER JWT-----\n${jwt}\n------END NATS USER JWT------\n\n` +
      `-----BEGIN USER NKEY SEED-----\n${seed}\n------END USER NKEY SEED------\n`;
    return { text, seed };
  }
}

function sign(issuer: KeyPair, subject: KeyPair, nats: object): string {
  const claims = {
    ...{ jti: crypto.randomUUID(), iat: Math.floor(Date.now() / 1000), name: "test" },
    ...{ iss: issuer.getPublicKey(), sub: subject.getPublicKey() },
    nats: { version: 2, ...nats },
  };
  const encoded = (value: object) => base64url(new TextEncoder().encode(JSON.stringify(value)));
  const signed = `${encoded({ typ: "JWT", alg: "ed25519-nkey" })}.${encoded(claims)}`;
  return `${signed}.${base64url(issuer.sign(new TextEncoder().encode(signed)))}`;
}

function base64url(bytes: Uint8Array): string {
  const text = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  return text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
