/** Which entries of a configuration are secret. @pure */

import { isSecretName, Secrets, secretsIn } from "../report/secrets.ts";
import { findOption } from "./options.ts";

function isSecretOption(name: string): boolean {
  return isSecretName(name) || findOption(name)?.secret === true;
}

/** Whether an option is a secret, or has one among its settings. */
export function holdsSecret(
  { key, value }: { readonly key: string; readonly value: string | null },
): boolean {
  return isSecretOption(key) || secretsIn(value ?? "").length > 0;
}

/** @param entries as they were read and as they were expanded, so that both texts are known */
export function secretsOf(
  entries: Iterable<{ readonly key: string; readonly value: string }> = [],
): Secrets {
  const secrets = new Secrets(isSecretOption);
  for (const { key, value } of entries) {
    secrets.learn(key, value);
    // Its password is one by itself, too.
    if (/^spooler-http-(auth|viewer|token)$/.test(findOption(key)?.name ?? "")) {
      secrets.learn(key, value.replace(/^[^:]*:/, ""));
    }
  }
  return secrets;
}
