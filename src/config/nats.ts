/** `spooler-nats`: how this side shows NATS who it is. @pure */

import { type NatsAccess, WITHOUT_PROOF } from "../nats/settings.ts";
import type { Entry } from "./entry.ts";
import type { Given } from "./given.ts";
import { parseSettings } from "./settings.ts";

const KEYS = ["creds", "nkey", "user", "password", "ca"];

export function natsOf(given: Given): NatsAccess {
  return given.last(
    "spooler-nats",
    (text, entry) => accessOf(given, text, entry),
    WITHOUT_PROOF,
  );
}

function accessOf(given: Given, text: string, entry: Entry): NatsAccess {
  const { values, rest } = parseSettings(text, KEYS);
  const [creds, nkey, user, password, ca] = KEYS.map((key) => values.get(key));
  const proofs = [creds, nkey, user].filter((value) => value !== undefined && value !== "");
  if (rest !== "" || proofs.length > 1 || (proofs.length === 0 && ca === undefined)) {
    throw new SyntaxError(
      "needs one of creds=FILE, nkey=FILE and user=NAME,password=…, or ca=FILE",
    );
  }
  if ((user === undefined) !== (password === undefined)) {
    throw new SyntaxError("needs user= and password= together");
  }
  return {
    proof: creds !== undefined
      ? { kind: "creds", file: given.path(creds, entry) }
      : nkey !== undefined
      ? { kind: "nkey", file: given.path(nkey, entry) }
      : user !== undefined && password !== undefined
      ? { kind: "user", user, password }
      : null,
    ca: ca === undefined ? null : given.path(ca, entry),
  };
}
