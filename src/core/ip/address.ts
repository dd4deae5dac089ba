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
  return family === 4 ? BigInt(parseV4(text, text.length)) : parseV6(text);
}

const ZERO = 48;

/**
 * The dotted quad that begins a text and ends at `end`, as an unsigned number. Leading zeros are refused (RFC 6943 section 3.1.1:
 * some read them as octal). @throws InvalidAddress that quotes the text up to `end`
 */
export function parseV4(text: string, end: number, start = 0): number {
  let value = 0;
  let octet = -1;
  let dots = 0;
  for (let i = start; i < end; i++) {
    const code = text.charCodeAt(i);
    if (code === DOT) {
      if (octet < 0) throw notAnAddress(text.slice(0, end));
      value = value * 256 + octet;
      octet = -1;
      dots++;
    } else {
      const digit = code - ZERO;
      if (digit < 0 || digit > 9 || octet === 0) throw notAnAddress(text.slice(0, end));
      octet = octet < 0 ? digit : octet * 10 + digit;
      if (octet > 255) throw notAnAddress(text.slice(0, end));
    }
  }
  if (dots !== 3 || octet < 0) throw notAnAddress(text.slice(0, end));
  return value * 256 + octet;
}

const DOT = 46;

/** RFC 4291 section 2.2: groups of hex digits, at most one `::`, the last 32 bits perhaps as a dotted quad. */
function parseV6(text: string): bigint {
  const groups: number[] = [];
  let gap = -1;
  let start = 0;
  if (text.startsWith('::')) {
    gap = 0;
    start = 2;
  }
  while (start < text.length) {
    const colon = text.indexOf(':', start);
    const end = colon < 0 ? text.length : colon;
    if (colon < 0 && text.indexOf('.', start) >= 0) {
      const v4 = parseV4(text, text.length, start);
      groups.push(v4 >>> 16, v4 & 0xffff);
    } else groups.push(parseGroup(text, start, end));
    start = end + 1;
    if (text.charCodeAt(start) === COLON) {
      if (gap >= 0) throw notAnAddress(text);
      gap = groups.length;
      start++;
    } else if (start === text.length && colon >= 0) throw notAnAddress(text);
  }
  if (gap < 0 ? groups.length !== 8 : groups.length > 7) throw notAnAddress(text);
  if (gap >= 0) groups.splice(gap, 0, ...ZEROS.slice(groups.length));
  return joinGroups(groups);
}

const COLON = 58;
const ZEROS: readonly number[] = [0, 0, 0, 0, 0, 0, 0, 0];

function parseGroup(text: string, start: number, end: number): number {
  if (end === start || end - start > 4) throw notAnAddress(text);
  let value = 0;
  for (let i = start; i < end; i++) value = value * 16 + hexDigit(text.charCodeAt(i), text);
  return value;
}

function hexDigit(code: number, text: string): number {
  if (code >= 48 && code <= 57) return code - 48;
  const lower = code | 32;
  if (lower >= 97 && lower <= 102) return lower - 87;
  throw notAnAddress(text);
}

/** In three parts that are exact as numbers, since arithmetic on bigints is slow. */
function joinGroups([a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0]: readonly number[]): bigint {
  return (BigInt((a * 65536 + b) * 65536 + c) << 80n) | (BigInt((d * 65536 + e) * 65536 + f) << 32n) | BigInt(g * 65536 + h);
}

function splitGroups(bits: bigint): number[] {
  const high = Number(bits >> 80n);
  const middle = Number((bits >> 32n) & 0xffff_ffff_ffffn);
  const low = Number(bits & 0xffff_ffffn);
  return [...threeGroups(high), ...threeGroups(middle), low >>> 16, low & 0xffff];
}

function threeGroups(n: number): [number, number, number] {
  const upper = Math.floor(n / 65536);
  return [upper >>> 16, upper & 0xffff, n % 65536];
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
  const groups = splitGroups(bits);
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
