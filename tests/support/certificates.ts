/** Certificates for one test, made while it runs and gone with it. */

import { join } from "@std/path";
import { TlsServer } from "../../src/platform/openssl.ts";

// Its library is opened once and kept, and belongs to no test.
try {
  TlsServer.open({ cert: "", key: "", ca: "" });
} catch {
  // There is no such file, which is all right.
}

async function openssl(cwd: string, ...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("openssl", { args, cwd }).output();
  if (!success) throw new Error(`openssl ${args[0]}: ${new TextDecoder().decode(stderr)}`);
}

const NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

/** An authority: `NAME.pem` and `NAME.key` in `dir`. */
export async function makeAuthority(dir: string, name: string): Promise<void> {
  await openssl(
    dir,
    ...["req", "-x509", ...NEW_KEY, "-days", "2", "-subj", `/CN=${name}`],
    ...["-keyout", `${name}.key`, "-out", `${name}.pem`],
  );
}

/** A server and a client whose certificates are of the authority `ca`, and a stranger whose is not. */
export async function makeTlsParties(dir: string): Promise<void> {
  for (const authority of ["ca", "stranger-ca"]) await makeAuthority(dir, authority);
  await makeCertificate(dir, "server", "ca");
  await makeCertificate(dir, "client", "ca");
  await makeCertificate(dir, "stranger", "stranger-ca");
}

/** A certificate for loopback that the authority has signed: `NAME.pem` and `NAME.key` in `dir`. */
export async function makeCertificate(dir: string, name: string, authority: string): Promise<void> {
  const request = ["req", ...NEW_KEY, "-subj", `/CN=${name}`];
  await openssl(dir, ...request, "-keyout", `${name}.key`, "-out", `${name}.csr`);
  await Deno.writeTextFile(join(dir, "extensions"), "subjectAltName=DNS:localhost,IP:127.0.0.1\n");
  await openssl(
    dir,
    ...["x509", "-req", "-in", `${name}.csr`, "-out", `${name}.pem`, "-days", "2"],
    ...["-CA", `${authority}.pem`, "-CAkey", `${authority}.key`, "-CAcreateserial"],
    ...["-extfile", "extensions"],
  );
}
