/**
 * IP addresses and networks in CIDR notation, for `spooler-allow`. An IPv4 address is the same
 * whether it comes as it is or mapped into IPv6 (`::ffff:10.0.0.1`), as a socket on `[::]` has it.
 *
 * @pure
 */

/** The first `bits` of `bytes` (16 of them; IPv4 is mapped into IPv6). */
export interface Network {
  readonly bytes: readonly number[];
  readonly bits: number;
  /** As it was written. */
  readonly text: string;
}

const MAPPED = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];
const MAPPED_BITS = 96;

/**
 * @param text `10.0.0.0/8`, `fd00::/8`, or one address
 * @throws {SyntaxError} when it is neither, or has bits behind its prefix
 */
export function parseNetwork(text: string): Network {
  const [, address = "", prefix] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const bytes = parseIp(address);
  const isV4 = !address.includes(":");
  const longest = isV4 ? 32 : 128;
  const given = prefix === undefined ? longest : Number(prefix);
  if (bytes === null || given > longest) {
    throw new SyntaxError("needs networks such as 10.0.0.0/8 or fd00::/8, or any");
  }
  const bits = isV4 ? given + MAPPED_BITS : given;
  if (bytes.some((byte, i) => (byte & ~maskOf(bits, i)) !== 0)) {
    throw new SyntaxError(`needs no bits behind the first ${given} of a network: ${text}`);
  }
  return { bytes, bits, text };
}

/** @returns false for what is no IP address */
export function isInNetwork(ip: string, { bytes, bits }: Network): boolean {
  const address = parseIp(ip);
  return address !== null &&
    bytes.every((byte, i) => ((byte ^ (address[i] ?? 0)) & maskOf(bits, i)) === 0);
}

/** 127.0.0.0/8, ::1 and the name localhost. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || LOOPBACK.some((network) => isInNetwork(host, network));
}

const LOOPBACK = [parseNetwork("127.0.0.0/8"), parseNetwork("::1")];

/** Which bits of byte `i` belong to the first `bits`. */
function maskOf(bits: number, i: number): number {
  const own = Math.min(8, Math.max(0, bits - 8 * i));
  return (0xff << (8 - own)) & 0xff;
}

/** The 16 bytes of an address, with or without a zone (`fe80::1%eth0`); null when it is not one. */
export function parseIp(text: string): number[] | null {
  if (!text.includes(":")) {
    const bytes = parseIpv4(text);
    return bytes && [...MAPPED, ...bytes];
  }
  const [plain = ""] = text.split("%", 1);
  const tail = plain.slice(plain.lastIndexOf(":") + 1);
  if (!tail.includes(".")) return parseGroups(plain);
  const v4 = parseIpv4(tail);
  if (v4 === null) return null;
  const [a = 0, b = 0, c = 0, d = 0] = v4;
  const groups = [(a << 8) | b, (c << 8) | d].map((group) => group.toString(16)).join(":");
  return parseGroups(plain.slice(0, -tail.length) + groups);
}

function parseIpv4(text: string): number[] | null {
  if (!/^\d{1,3}(\.\d{1,3}){3}$/.test(text)) return null;
  const bytes = text.split(".").map(Number);
  return bytes.every((byte) => byte <= 255) ? bytes : null;
}

/** `a:b::c` in hexadecimal groups. */
function parseGroups(text: string): number[] | null {
  const [head = "", tail, ...more] = text.split("::");
  if (more.length > 0) return null;
  const before = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  const missing = 8 - before.length - after.length;
  if (tail === undefined ? missing !== 0 : missing < 1) return null;
  const groups = [...before, ...Array<string>(missing).fill("0"), ...after];
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return null;
  return groups.flatMap((group) => {
    const value = parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}

export function isIpAddress(text: string): boolean {
  return parseIp(text) !== null;
}
