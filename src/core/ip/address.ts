/** An address family, named by its version number. Loop over `FAMILIES`; never write the same thing twice. */
export type Family = 4 | 6;
export const FAMILIES: readonly Family[] = [4, 6];

/** Number of bits in an address of a family. */
export const WIDTH: Readonly<Record<Family, number>> = { 4: 32, 6: 128 };

/** The text is not an address or prefix, or not one that we accept. The message is written for the person who typed it. */
export class InvalidAddress extends Error {
  override readonly name = 'InvalidAddress';
}

/**
 * An IPv4 or IPv6 address. Values are equal when `family` and `bits` are; `text` is canonical (RFC 5952 for IPv6).
 * IPv4-mapped IPv6 (`::ffff:10.0.0.1`) is refused: the kernel would treat it as another address than the reader does.
 */
export class Address {
  readonly family: Family;
  readonly bits: bigint;

  constructor(family: Family, bits: bigint) {
    this.family = family;
    this.bits = bits;
  }

  /** @throws InvalidAddress with a message that quotes the text. */
  static parse(text: string): Address {
    const family: Family = text.includes(':') ? 6 : 4;
    const bits = parseBits(family, text);
    if (family === 6 && bits >> 32n === 0xffffn) {
      throw new InvalidAddress(`"${text}" is an IPv4-mapped IPv6 address: write ${formatBits(4, bits & 0xffffffffn)}`);
    }
    return new Address(family, bits);
  }

  get text(): string {
    return formatBits(this.family, this.bits);
  }

  equals(other: Address | undefined): boolean {
    return other !== undefined && this.family === other.family && this.bits === other.bits;
  }

  toString(): string {
    return this.text;
  }

  toJSON(): string {
    return this.text;
  }
}

/** The bits of an address text. @throws InvalidAddress */
export function parseBits(family: Family, text: string): bigint {
  return family === 4 ? BigInt(parseV4(text, text)) : parseV6(text);
}

const ZERO = 48;

/** Dotted quad to an unsigned number. Leading zeros are refused (RFC 6943 section 3.1.1: some read them as octal). */
function parseV4(text: string, whole: string): number {
  let value = 0;
  let octet = -1;
  let dots = 0;
  for (let i = 0; i <= text.length; i++) {
    const code = i < text.length ? text.charCodeAt(i) : 46;
    if (code === 46) {
      if (octet < 0) throw notAnAddress(whole);
      value = value * 256 + octet;
      octet = -1;
      if (i < text.length) dots++;
    } else {
      const digit = code - ZERO;
      if (digit < 0 || digit > 9 || octet === 0) throw notAnAddress(whole);
      octet = octet < 0 ? digit : octet * 10 + digit;
      if (octet > 255) throw notAnAddress(whole);
    }
  }
  if (dots !== 3) throw notAnAddress(whole);
  return value;
}

const GROUP = /^[0-9a-fA-F]{1,4}$/;

function parseV6(text: string): bigint {
  const lastColon = text.lastIndexOf(':');
  let body = text;
  if (text.includes('.')) {
    const v4 = parseV4(text.slice(lastColon + 1), text);
    body = `${text.slice(0, lastColon + 1)}${(v4 >>> 16).toString(16)}:${(v4 & 0xffff).toString(16)}`;
  }
  const halves = body.split('::');
  const groupsOf = (part: string | undefined): string[] => (part ? part.split(':') : []);
  const head = groupsOf(halves[0]);
  const tail = groupsOf(halves[1]);
  const missing = 8 - head.length - tail.length;
  const ok = halves.length === 1 ? missing === 0 : halves.length === 2 && missing >= 1;
  const groups = [...head, ...Array<string>(ok ? missing : 0).fill('0'), ...tail];
  if (!ok || !groups.every((group) => GROUP.test(group))) throw notAnAddress(text);
  return BigInt(`0x${groups.map((group) => group.padStart(4, '0')).join('')}`);
}

function notAnAddress(text: string): InvalidAddress {
  return new InvalidAddress(`"${text}" is not an IP address`);
}

/** Canonical text of an address. */
export function formatBits(family: Family, bits: bigint): string {
  return family === 4 ? formatV4(Number(bits)) : formatV6(bits);
}

function formatV4(n: number): string {
  return `${n >>> 24}.${(n >>> 16) & 255}.${(n >>> 8) & 255}.${n & 255}`;
}

/** RFC 5952: lower case, no leading zeros, the first longest run of two or more zero groups as `::`. */
function formatV6(bits: bigint): string {
  const hex = bits.toString(16).padStart(32, '0');
  const groups = Array.from({ length: 8 }, (_, i) => Number.parseInt(hex.slice(i * 4, i * 4 + 4), 16));
  let best = { start: -1, length: 1 };
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (end < 8 && groups[end] === 0) end++;
    if (end - i > best.length) best = { start: i, length: end - i };
    if (end > i) i = end - 1;
  }
  const text = (part: readonly number[]): string => part.map((group) => group.toString(16)).join(':');
  if (best.start < 0) return text(groups);
  return `${text(groups.slice(0, best.start))}::${text(groups.slice(best.start + best.length))}`;
}
