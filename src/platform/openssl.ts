/**
 * The few calls of the machine's OpenSSL that a server needs which asks its clients for certificates.
 * OpenSSL sees no socket: bytes of the connection go in and come out through memory.
 */

import { fixedBytes } from "./memory.ts";
import { reasonOf } from "./reason.ts";

const SYMBOLS = {
  TLS_server_method: { parameters: [], result: "pointer" },
  SSL_CTX_new: { parameters: ["pointer"], result: "pointer" },
  SSL_CTX_free: { parameters: ["pointer"], result: "void" },
  SSL_CTX_ctrl: { parameters: ["pointer", "i32", "i64", "pointer"], result: "i64" },
  SSL_CTX_set_options: { parameters: ["pointer", "u64"], result: "u64" },
  SSL_CTX_set_num_tickets: { parameters: ["pointer", "usize"], result: "i32" },
  SSL_CTX_set_default_passwd_cb_userdata: { parameters: ["pointer", "buffer"], result: "void" },
  SSL_CTX_use_certificate_chain_file: { parameters: ["pointer", "buffer"], result: "i32" },
  SSL_CTX_use_PrivateKey_file: { parameters: ["pointer", "buffer", "i32"], result: "i32" },
  SSL_CTX_check_private_key: { parameters: ["pointer"], result: "i32" },
  SSL_CTX_load_verify_locations: { parameters: ["pointer", "buffer", "pointer"], result: "i32" },
  SSL_load_client_CA_file: { parameters: ["buffer"], result: "pointer" },
  SSL_CTX_set_client_CA_list: { parameters: ["pointer", "pointer"], result: "void" },
  SSL_CTX_set_verify: { parameters: ["pointer", "i32", "pointer"], result: "void" },
  SSL_new: { parameters: ["pointer"], result: "pointer" },
  SSL_free: { parameters: ["pointer"], result: "void" },
  SSL_set_accept_state: { parameters: ["pointer"], result: "void" },
  SSL_set_bio: { parameters: ["pointer", "pointer", "pointer"], result: "void" },
  SSL_do_handshake: { parameters: ["pointer"], result: "i32" },
  SSL_read: { parameters: ["pointer", "buffer", "i32"], result: "i32" },
  SSL_write: { parameters: ["pointer", "buffer", "i32"], result: "i32" },
  SSL_shutdown: { parameters: ["pointer"], result: "i32" },
  SSL_get1_peer_certificate: { parameters: ["pointer"], result: "pointer", optional: true },
  SSL_get_peer_certificate: { parameters: ["pointer"], result: "pointer", optional: true },
  X509_get_subject_name: { parameters: ["pointer"], result: "pointer" },
  X509_NAME_oneline: { parameters: ["pointer", "buffer", "i32"], result: "pointer" },
  X509_free: { parameters: ["pointer"], result: "void" },
  SSL_get_error: { parameters: ["pointer", "i32"], result: "i32" },
  // These are libcrypto's, which libssl brings with it.
  BIO_s_mem: { parameters: [], result: "pointer" },
  BIO_new: { parameters: ["pointer"], result: "pointer" },
  BIO_write: { parameters: ["pointer", "buffer", "i32"], result: "i32" },
  BIO_read: { parameters: ["pointer", "buffer", "i32"], result: "i32" },
  ERR_clear_error: { parameters: [], result: "void" },
  ERR_get_error: { parameters: [], result: "u64" },
  ERR_error_string_n: { parameters: ["u64", "buffer", "usize"], result: "void" },
} as const;

/** OpenSSL 3 and 1.1.1; the same calls and numbers are good for both. */
const LIBRARIES = ["libssl.so.3", "libssl.so.1.1"];

const SSL_FILETYPE_PEM = 1;
const SSL_VERIFY_PEER = 1;
const SSL_VERIFY_FAIL_IF_NO_PEER_CERT = 2;
const SSL_CTRL_SET_SESS_CACHE_MODE = 44;
const SSL_SESS_CACHE_OFF = 0n;
const SSL_CTRL_SET_MIN_PROTO_VERSION = 123;
const TLS1_2_VERSION = 0x0303n;
const SSL_CTRL_MODE = 33;
/** A connection that is idle has no buffers: 34 KiB otherwise. */
const SSL_MODE_RELEASE_BUFFERS = 0x10n;
const SSL_OP_NO_TICKET = 1n << 14n;
const SSL_OP_NO_RENEGOTIATION = 1n << 30n;
const SSL_ERROR_WANT_READ = 2;
const SSL_ERROR_ZERO_RETURN = 6;

type Ssl = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

/** What came of a step: it is done, or it needs more bytes of the peer, or the peer has said its end. */
export type TlsStep = number | "more" | "end";

/** OpenSSL refused something, or the peer said what it should not. */
class TlsError extends Error {
  override name = "TlsError";
}

/** Files in PEM. */
export interface ServerFiles {
  /** The server's certificate, and those of intermediate authorities behind it. */
  readonly cert: string;
  readonly key: string;
  /** Whose clients are let in. */
  readonly ca: string;
}

/** Settings of a server that only takes clients with a certificate of its CA. */
export class TlsServer {
  readonly #library: Ssl;
  readonly #context: Deno.PointerValue;
  /** The server itself while it is open, and its connections: the context goes with the last. */
  #users = 1;
  #isClosed = false;

  private constructor(ssl: Ssl) {
    this.#library = ssl;
    this.#context = ssl.SSL_CTX_new(ssl.TLS_server_method());
    if (this.#context === null) throw failure(ssl, "SSL_CTX_new");
  }

  /**
   * @returns the reason when this machine has no OpenSSL
   * @throws {TlsError} when a file is not what it should be, and names it
   */
  static open(files: ServerFiles): TlsServer | { readonly unavailable: string } {
    const ssl = openLibrary();
    if ("unavailable" in ssl) return ssl;
    const server = new TlsServer(ssl);
    try {
      server.#prepare(files);
      return server;
    } catch (error) {
      server.close();
      throw error;
    }
  }

  #prepare({ cert, key, ca }: ServerFiles): void {
    const ssl = this.#library;
    const context = this.#context;
    ssl.ERR_clear_error();
    ssl.SSL_CTX_ctrl(context, SSL_CTRL_SET_MIN_PROTO_VERSION, TLS1_2_VERSION, null);
    // A resumed session would need its certificate checked again.
    ssl.SSL_CTX_ctrl(context, SSL_CTRL_SET_SESS_CACHE_MODE, SSL_SESS_CACHE_OFF, null);
    ssl.SSL_CTX_ctrl(context, SSL_CTRL_MODE, SSL_MODE_RELEASE_BUFFERS, null);
    ssl.SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
    ssl.SSL_CTX_set_num_tickets(context, 0n);
    // With a password to try, OpenSSL does not ask the terminal for that of an encrypted key.
    ssl.SSL_CTX_set_default_passwd_cb_userdata(context, NO_PASSWORD);
    const check = (result: number, subject: string) => {
      if (result !== 1) throw failure(ssl, subject);
    };
    check(ssl.SSL_CTX_use_certificate_chain_file(context, cText(cert)), cert);
    check(ssl.SSL_CTX_use_PrivateKey_file(context, cText(key), SSL_FILETYPE_PEM), key);
    check(ssl.SSL_CTX_check_private_key(context), key);
    check(ssl.SSL_CTX_load_verify_locations(context, cText(ca), null), ca);
    const names = ssl.SSL_load_client_CA_file(cText(ca));
    if (names === null) throw failure(ssl, ca);
    ssl.SSL_CTX_set_client_CA_list(context, names);
    ssl.SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, null);
  }

  /**
   * The server's side of a new connection.
   *
   * @throws {TlsError} when it is closed: a connection may have been accepted a moment before
   */
  connection(): TlsConnection {
    if (this.#isClosed) throw new TlsError("TLS: the socket is closed");
    const connection = new TlsConnection(this.#library, this.#context, () => this.#leave());
    this.#users++;
    return connection;
  }

  /** Connections that are open go on. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#leave();
  }

  #leave(): void {
    if (--this.#users > 0) return;
    this.#library.SSL_CTX_free(this.#context);
  }
}

/** One connection. After {@link close} every call throws: its memory is OpenSSL's again. */
export class TlsConnection {
  readonly #library: Ssl;
  #isClosed = false;
  readonly #connection: Deno.PointerValue;
  /** What the peer has sent. Both go with the connection. */
  readonly #incoming: Deno.PointerValue;
  readonly #outgoing: Deno.PointerValue;

  /** @param gone called when it is closed */
  constructor(ssl: Ssl, context: Deno.PointerValue, private readonly gone: () => void) {
    this.#library = ssl;
    this.#connection = ssl.SSL_new(context);
    if (this.#connection === null) throw failure(ssl, "SSL_new");
    this.#incoming = ssl.BIO_new(ssl.BIO_s_mem());
    this.#outgoing = ssl.BIO_new(ssl.BIO_s_mem());
    ssl.SSL_set_bio(this.#connection, this.#incoming, this.#outgoing);
    ssl.SSL_set_accept_state(this.#connection);
  }

  /** @throws {TlsError} when it is closed */
  get #ssl(): Ssl {
    if (this.#isClosed) throw new TlsError("TLS: the connection is closed");
    return this.#library;
  }

  /** Bytes of the peer, as they came. */
  push(bytes: Uint8Array<ArrayBuffer>): void {
    if (bytes.length > 0) this.#ssl.BIO_write(this.#incoming, bytes, bytes.length);
  }

  /** Takes bytes that are to go to the peer; 0 when there are none. */
  pull(into: Uint8Array<ArrayBuffer>): number {
    return Math.max(0, this.#ssl.BIO_read(this.#outgoing, into, into.length));
  }

  /** @throws {TlsError} when the peer is not let in */
  handshake(): TlsStep {
    return this.#step(() => this.#ssl.SSL_do_handshake(this.#connection));
  }

  /** The subject of the peer's certificate, as `/O=…/CN=…`; to be asked behind the handshake. */
  peerName(): string {
    const ssl = this.#ssl;
    // The name in OpenSSL 3, and the one before.
    const get = ssl.SSL_get1_peer_certificate ?? ssl.SSL_get_peer_certificate;
    const certificate = get?.(this.#connection) ?? null;
    if (certificate === null) return "";
    const text = new Uint8Array(LONGEST_NAME);
    ssl.X509_NAME_oneline(ssl.X509_get_subject_name(certificate), text, text.length);
    ssl.X509_free(certificate);
    return new TextDecoder().decode(text.subarray(0, text.indexOf(0)));
  }

  /** Returns how many bytes of plain text there are, at least one. */
  read(into: Uint8Array<ArrayBuffer>): TlsStep {
    return this.#step(() => this.#ssl.SSL_read(this.#connection, into, into.length));
  }

  /** Takes all of it; at least one byte. */
  write(bytes: Uint8Array<ArrayBuffer>): void {
    const step = this.#step(() => this.#ssl.SSL_write(this.#connection, bytes, bytes.length));
    if (step !== bytes.length) throw new TlsError("TLS: it takes no bytes before the handshake");
  }

  /** Says the end of what this side sends. */
  shutdown(): void {
    this.#ssl.SSL_shutdown(this.#connection);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#library.SSL_free(this.#connection);
    this.gone();
  }

  #step(call: () => number): TlsStep {
    // SSL_get_error reads what earlier calls have left, too.
    this.#ssl.ERR_clear_error();
    const result = call();
    if (result > 0) return result;
    switch (this.#ssl.SSL_get_error(this.#connection, result)) {
      case SSL_ERROR_WANT_READ:
        return "more";
      case SSL_ERROR_ZERO_RETURN:
        return "end";
      default:
        throw failure(this.#ssl, "TLS");
    }
  }
}

/**
 * Opened once and kept: OpenSSL leaves work behind for the end of each thread, and a call that is
 * compiled does not ask whether its library is still there.
 */
let opened: Ssl | null = null;

/** The machine's OpenSSL, or the reason why it cannot be called. */
function openLibrary(): Ssl | { readonly unavailable: string } {
  if (opened !== null) return opened;
  let unavailable = "";
  for (const library of LIBRARIES) {
    try {
      return opened = Deno.dlopen(library, SYMBOLS).symbols;
    } catch (error) {
      unavailable ||= reasonOf(error);
    }
  }
  return { unavailable };
}

/** Of a certificate's subject; of a longer one the beginning counts. */
const LONGEST_NAME = 512;
/** OpenSSL keeps a pointer to it and reads it when it reads the key. */
const NO_PASSWORD = fixedBytes(1);

function cText(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(new TextEncoder().encode(`${text}\0`));
}

/** The first of OpenSSL's complaints, without its numbers: `error:0A0000C7:SSL routines::peer did …`. */
function failure(ssl: Ssl, subject: string): TlsError {
  const code = ssl.ERR_get_error();
  const text = new Uint8Array(256);
  ssl.ERR_error_string_n(code, text, BigInt(text.length));
  const line = new TextDecoder().decode(text.subarray(0, text.indexOf(0)));
  const reason = code === 0n ? "the connection ended" : line.split(":").at(-1) ?? line;
  return new TlsError(`${subject}: ${reason}`);
}
