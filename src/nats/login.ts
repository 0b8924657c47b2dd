/** How this side logs in to servers of NATS, and what is said when they refuse it. No message has a secret. */

import type { Authenticator } from "@nats-io/nats-core";
import { reasonOf } from "../platform/reason.ts";
import type { NatsLibrary } from "./link.ts";
import type { NatsAccess } from "./settings.ts";

/** @throws {Error} when the file cannot be read, or holds something else */
export async function authenticatorOf(
  library: NatsLibrary,
  { proof }: NatsAccess,
): Promise<Authenticator | null> {
  if (proof === null) return null;
  if (proof.kind === "user") {
    return library.usernamePasswordAuthenticator(proof.user, proof.password);
  }
  const bytes = await Deno.readFile(proof.file);
  const authenticator = proof.kind === "creds"
    ? library.credsAuthenticator(bytes)
    : library.nkeyAuthenticator(
      new TextEncoder().encode(new TextDecoder().decode(bytes).trim()),
    );
  try {
    authenticator("any");
  } catch {
    // What the library says of it may repeat it.
    const wanted = proof.kind === "creds" ? "a JWT and a seed, as nsc writes them" : "a seed (SU…)";
    throw new Error(`spooler-nats: ${fileText(proof)} needs ${wanted}`);
  }
  return authenticator;
}

/** Why the servers do not let this side in, or do what it asks: where that is the login's, which one. */
export function refusalOf(library: NatsLibrary, access: NatsAccess, error: unknown): Error {
  const isLogin = error instanceof library.AuthorizationError ||
    error instanceof library.UserAuthenticationExpiredError ||
    isForbidden(library, error);
  return new Error(isLogin ? `${reasonOf(error)} for ${loginText(access)}` : reasonOf(error));
}

/** Whether the login may not publish, or listen, there. */
export function isForbidden(library: NatsLibrary, error: unknown): boolean {
  return error instanceof library.PermissionViolationError ||
    error instanceof library.RequestError && isForbidden(library, error.cause);
}

function loginText({ proof }: NatsAccess): string {
  if (proof === null) return "a login without spooler-nats";
  if (proof.kind === "user") return `user ${proof.user} of spooler-nats`;
  return `${fileText(proof)} of spooler-nats`;
}

/** Not as in the ini: `nkey=…` would be hidden as a secret. */
function fileText({ kind, file }: { readonly kind: string; readonly file: string }): string {
  return `the ${kind} file ${file}`;
}
